/**
 * Proofs of keys.
 *
 * @module
 */
import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { isKeyName, KeyRing, proofOf } from "../../lib/wire/proof.ts";
import { countingRandom, MILL, PUMP } from "../support/keys.ts";
import { testUnless, whyNot } from "../support/skip.ts";

const EXCHANGE = {
  session: "s",
  key: "mill",
  clientNonce: "c".repeat(43),
  serverNonce: "s".repeat(43),
};

Deno.test("proofOf() differs with each thing that it is made over, and with the secret", () => {
  const proofs = [
    proofOf("client", MILL.secret, EXCHANGE),
    proofOf("server", MILL.secret, EXCHANGE),
    proofOf("client", PUMP.secret, EXCHANGE),
    ...Object.keys(EXCHANGE).map((key) =>
      proofOf("client", MILL.secret, { ...EXCHANGE, [key]: "x" })
    ),
  ];
  assertEquals(new Set(proofs).size, 7);
});

Deno.test("isKeyName() takes 1 to 64 letters, digits, -, _ and .", () => {
  for (const name of ["a", "mill-7.example_A", "x".repeat(64)]) assert(isKeyName(name), name);
  for (const name of ["", "x".repeat(65), "a b", "a\n", "ä", 7, null, undefined]) {
    assert(!isKeyName(name), String(name));
  }
});

Deno.test("KeyRing challenges each time with another nonce, also names that it does not know", () => {
  const ring = new KeyRing([MILL], countingRandom());
  const challenge = (key: string) => ring.challenge({ id: "s", key, nonce: EXCHANGE.clientNonce })!;
  const nonces = ["mill", "mill", "pump"].map((key) => challenge(key).exchange.serverNonce);
  assertEquals(new Set(nonces).size, 3);
  assertEquals(ring.challenge({ id: "s", key: "mill" }), undefined);
  assertEquals(ring.challenge({ id: "s", nonce: EXCHANGE.clientNonce }), undefined);
});

Deno.test("Challenge judges a proof once made, and gives the server's own only for a right one", () => {
  const challenge = new KeyRing([MILL, PUMP], countingRandom())
    .challenge({ id: "s", key: "mill", nonce: EXCHANGE.clientNonce })!;
  const { exchange } = challenge;
  const right = proofOf("client", MILL.secret, exchange);
  const own = proofOf("server", MILL.secret, exchange);
  assertEquals(challenge.judge(right), { who: "mill", proof: own });
  assertNotEquals(own, right);
  for (const wrong of [own, proofOf("client", PUMP.secret, exchange), "", `${right}x`]) {
    assertEquals(challenge.judge(wrong), { failure: 'HELLO with a wrong proof of the key "mill"' });
  }
});

Deno.test("the decoy of a KeyRing opens nothing", () => {
  const random = countingRandom();
  const decoy = new Uint8Array(32);
  countingRandom()(decoy);
  const secret = btoa(String.fromCharCode(...decoy)).replaceAll("+", "-").replaceAll("/", "_")
    .slice(0, 43);
  const challenge = new KeyRing([MILL], random)
    .challenge({ id: "s", key: "nobody", nonce: EXCHANGE.clientNonce })!;
  const proof = proofOf("client", secret, challenge.exchange);
  assertEquals(challenge.judge(proof), { failure: 'HELLO with the unknown key "nobody"' });
});

const documentation = Deno.readTextFileSync(new URL("../../docs/protocol.md", import.meta.url));

/** What Python prints, as docs/protocol.md shows it. */
const [, script, printed] = /in ten lines of Python:\n\n```python\n(.*?)```\n\n```text\n(.*?)```/s
  .exec(documentation)!;

Deno.test("docs/protocol.md shows the proofs of an exchange", () => {
  const [, session, key, clientNonce, serverNonce, proof, answer] =
    /HELLO 1 (\S+) \{"key":"(.*?)","nonce":"(.*?)"\}\nCHALLENGE (\S+)\nPROOF (\S+)\nWELCOME 1 \S+ .*"proof":"(.*?)"/
      .exec(documentation)!;
  const secret = /urlsafe_b64decode\("(.*?)=*"\)/.exec(script!)![1]!;
  const exchange = {
    session: session!,
    key: key!,
    clientNonce: clientNonce!,
    serverNonce: serverNonce!,
  };
  const proofs = (["client", "server"] as const).map((role) => proofOf(role, secret, exchange));
  assertEquals(proofs, [proof!, answer!]);
  assertEquals(printed, `client ${proofs[0]}\nserver ${proofs[1]}\n`);
});

testUnless(
  whyNot("python3", "--version"),
  "docs/protocol.md: Python makes the same proofs",
  async () => {
    const { stdout } = await new Deno.Command("python3", { args: ["-c", script!] }).output();
    assertEquals(new TextDecoder().decode(stdout), printed);
  },
);
