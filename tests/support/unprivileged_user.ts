/**
 * What root may and other users may not: the words that take it away from a command.
 *
 * @module
 */
import { whyNot } from "./skip.ts";

/** What lets root read any file and listen on any port. */
const RIGHTS = "-dac_override,-dac_read_search,-net_bind_service";

const SETPRIV = ["setpriv", `--bounding-set=${RIGHTS}`, "--"] as const;

const isRoot = Deno.build.os !== "windows" && Deno.uid() === 0;

/**
 * Words to put before a command so that it may do no more than any user. It stays root by name, so
 * that it can still read what belongs to root, such as the program itself.
 */
export const AS_UNPRIVILEGED_USER: readonly string[] = isRoot ? SETPRIV : [];

/** Why a command cannot be run so; `undefined` if it can. */
export function whyNoUnprivilegedUser(): string | undefined {
  if (Deno.build.os !== "linux") return "to take rights away from a command takes Linux";
  if (isRoot) return whyNot(SETPRIV[0], ...SETPRIV.slice(1), "true");
}

/** A port that only root may listen on. */
export const PRIVILEGED_PORT = 1;

/** Why no command can be refused that port here; `undefined` if one can. */
export function whyNoPrivilegedPort(): string | undefined {
  const why = whyNoUnprivilegedUser();
  if (why !== undefined) return why;
  const key = "net.ipv4.ip_unprivileged_port_start";
  const failure = whyNot("sysctl", "-n", key);
  if (failure !== undefined) return failure;
  const { stdout } = new Deno.Command("sysctl", { args: ["-n", key] }).outputSync();
  const firstFree = Number(new TextDecoder().decode(stdout));
  return firstFree > PRIVILEGED_PORT ? undefined : "any user may listen on every port here";
}
