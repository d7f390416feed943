/**
 * Why a file or a folder could not be used, in words for a person.
 *
 * @module
 */

/** The reason that an error of the file system stands for. */
export function fileErrorText(error: unknown): string {
  if (error instanceof Deno.errors.NotFound) return "there is no such file";
  if (error instanceof Deno.errors.IsADirectory) return "it is a folder, not a file";
  if (error instanceof Deno.errors.AlreadyExists) return "there is a file of that name";
  if (error instanceof Deno.errors.PermissionDenied) return "this user may not use it";
  if (error instanceof Deno.errors.NotCapable) {
    return "the system's own folders and devices cannot be used";
  }
  return error instanceof Error ? error.message : String(error);
}
