/**
 * `--check` judges what protects the sessions against who can reach them.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { accessFindings } from "../../../lib/cli/commands/preflight_network.ts";
import type { Reach } from "../../../lib/platform/net/reach.ts";
import type { Role } from "../../../lib/wire/protocol.ts";

/** What is set, and how that is taken where only this host, private networks, or anybody reaches it. */
const PROTECTED: readonly [
  role: Role,
  set: string,
  levels: Readonly<Record<Reach, "ok" | "warning">>,
][] = [
  ["server", "", { host: "ok", private: "warning", public: "warning" }],
  ["server", "listed", { host: "ok", private: "warning", public: "warning" }],
  ["server", "encrypted", { host: "ok", private: "warning", public: "warning" }],
  ["server", "encrypted listed", { host: "ok", private: "ok", public: "ok" }],
  ["server", "known", { host: "ok", private: "ok", public: "warning" }],
  ["server", "encrypted known", { host: "ok", private: "ok", public: "ok" }],
  ["client", "", { host: "ok", private: "warning", public: "warning" }],
  ["client", "known", { host: "ok", private: "ok", public: "warning" }],
  ["client", "encrypted known", { host: "ok", private: "ok", public: "ok" }],
];

for (const [role, set, levels] of PROTECTED) {
  Deno.test(`--check of a ${role}, ${set || "unprotected"}`, () => {
    const found = Object.keys(levels).map((reach) => {
      const [finding] = accessFindings(role, reach as Reach, {
        isEncrypted: set.includes("encrypted"),
        isListed: set.includes("listed"),
        isPeerKnown: set.includes("known"),
      });
      return [reach, finding!.level];
    });
    assertEquals(Object.fromEntries(found), levels);
  });
}
