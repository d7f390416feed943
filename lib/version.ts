/**
 * Which version this is.
 *
 * @module
 */

/** The version of both executables; the same as in `deno.json`. */
export const VERSION = "0.1.0";
