/**
 * The frames that PW/1 accepts, and the agreement of `docs/protocol.md` with the code.
 *
 * @module
 */
import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { OPEN_LIMIT_MS } from "../../lib/session/timers.ts";
import { parseLine } from "../../lib/wire/line.ts";
import {
  DEFAULT_MAX_MESSAGE_BYTES,
  expectFrame,
  type Frame,
  type FrameType,
  HOLD_REASONS,
  MAX_LINE_BYTES,
  MAX_SESSION_ID_LENGTH,
  PROTOCOL_VERSION,
  ProtocolError,
  type Role,
  type Stage,
  TERMINATE_REASONS,
} from "../../lib/wire/protocol.ts";
import { bytesOf } from "../support/decoding.ts";

const FRAMES: Record<FrameType, Frame> = {
  HELLO: { type: "HELLO", version: 1, session: "s", greeting: {} },
  WELCOME: { type: "WELCOME", version: 1, session: "s", greeting: {} },
  DATA: { type: "DATA", seq: 1, payload: new Uint8Array(0) },
  CONFIRM: { type: "CONFIRM", seq: 1 },
  HEARTBEAT: { type: "HEARTBEAT", n: 1 },
  HEARTBEAT_REPLY: { type: "HEARTBEAT_REPLY", n: 1 },
  HOLD: { type: "HOLD", reason: "store" },
  ACCOUNT: { type: "ACCOUNT", account: {} },
  IDLE_RESULTS: { type: "IDLE_RESULTS", results: {} },
  CHALLENGE: { type: "CHALLENGE", nonce: "A".repeat(43) },
  PROOF: { type: "PROOF", proof: "A".repeat(43) },
  TERMINATE: { type: "TERMINATE", reason: "done", text: "" },
};

const ALWAYS = "HEARTBEAT HEARTBEAT_REPLY ACCOUNT TERMINATE";

/** The frames that each side accepts at each stage, and the complaint about any other. */
const RULES: [role: Role, stage: Stage, heard: string, complaint: string][] = [
  ["server", "opening", "HELLO TERMINATE", "from the client as the first frame"],
  ["server", "open", `DATA ${ALWAYS}`, "from the client in an open session"],
  ["client", "opening", "CHALLENGE WELCOME TERMINATE", "from the server as the first frame"],
  [
    "client",
    "open",
    "CONFIRM HEARTBEAT HEARTBEAT_REPLY HOLD ACCOUNT TERMINATE",
    "from the server in an open session",
  ],
  ["server", "idle", "HEARTBEAT HEARTBEAT_REPLY TERMINATE", "from the client in an idle session"],
  [
    "client",
    "idle",
    "HEARTBEAT HEARTBEAT_REPLY IDLE_RESULTS TERMINATE",
    "from the server in an idle session",
  ],
];

const documentation = Deno.readTextFileSync(new URL("../../docs/protocol.md", import.meta.url));

Deno.test("expectFrame() accepts the frames of that side and stage", () => {
  for (const [role, stage, heard] of RULES) {
    for (const type of heard.split(" ")) expectFrame(FRAMES[type as FrameType], role, stage);
  }
});

Deno.test("expectFrame() throws on every other frame, and says what was expected", () => {
  for (const [role, stage, heard, complaint] of RULES) {
    const allowed = heard.split(" ");
    const expected = `${allowed.slice(0, -1).join(", ")} or TERMINATE`;
    for (const frame of Object.values(FRAMES)) {
      if (allowed.includes(frame.type)) continue;
      const error = assertThrows(() => expectFrame(frame, role, stage), ProtocolError);
      assertEquals(error.message, `${frame.type} ${complaint}; expected ${expected}`);
    }
  }
});

Deno.test("ProtocolError has its own class and name", () => {
  const error = new ProtocolError("a bad number");
  assert(error instanceof Error);
  assertEquals(`${error}`, "ProtocolError: a bad number");
});

Deno.test("docs/protocol.md gives the version and the limits that hold", () => {
  assertStringIncludes(documentation, `PW/${PROTOCOL_VERSION}`);
  assertStringIncludes(documentation, `${MAX_LINE_BYTES.toLocaleString("en")} bytes`);
  assertStringIncludes(documentation, `${DEFAULT_MAX_MESSAGE_BYTES.toLocaleString("en")} bytes`);
  assertStringIncludes(documentation, `1*${MAX_SESSION_ID_LENGTH}(`);
  assertStringIncludes(documentation, `within ${OPEN_LIMIT_MS / 1000} s`);
});

Deno.test("docs/protocol.md names every frame and every reason in its grammar", () => {
  for (const word of [...Object.keys(FRAMES), ...TERMINATE_REASONS, ...HOLD_REASONS]) {
    assertStringIncludes(documentation, `%s"${word}"`);
  }
});

Deno.test("docs/protocol.md shows only lines that are PW/1", () => {
  const blocks = documentation.matchAll(/^```text\n([^]*?)^```/gm);
  const lines = [...blocks].flatMap(([, block]) => block!.split("\n"));
  const shown = lines.filter((line) => FRAMES[line.split(" ")[0] as FrameType] !== undefined);
  const types = new Set(shown.map((line) => parseLine(bytesOf(line)).type));
  assertEquals([...types].sort(), Object.keys(FRAMES).sort());
});
