import { assertEquals, assertThrows } from "@std/assert";
import { type AddressSettings, useAddressLists } from "../../../lib/cli/files/address_files.ts";
import { WATCH_INTERVAL_MS } from "../../../lib/cli/files/watched_file.ts";
import { UsageError } from "../../../lib/platform/errors.ts";
import { digitsOf } from "../../../lib/platform/net/address.ts";
import type { AddressList } from "../../../lib/server/access/address_list.ts";
import { Folder } from "../../support/folder.ts";
import { VirtualClock } from "../../support/virtual_clock.ts";

const HOSTS = ["192.0.2.1", "192.0.2.2", "198.51.100.1", "2001:db8::1"];

function stage({ allow = [], deny = [] }: Partial<AddressSettings>) {
  const clock = new VirtualClock();
  const reported: string[] = [];
  let changed = Promise.withResolvers<void>();
  let lists: { allow: AddressList; deny: AddressList };
  const using = useAddressLists({ allow, deny }, {
    clock,
    report: (level, text) => {
      reported.push(`${level}: ${text.replace(/\S*\/list/, "list")}`);
      changed.resolve();
    },
    use: (each) => lists = each,
  });
  const hosts = (list: AddressList) => HOSTS.filter((host) => list.has(digitsOf(host)!));
  return {
    clock,
    reported,
    using,
    allowed: () => hosts(lists.allow),
    denied: () => hosts(lists.deny),
    /** Waits until a change is reported. */
    look: async () => {
      await clock.advance(WATCH_INTERVAL_MS);
      await changed.promise;
      changed = Promise.withResolvers();
    },
  };
}

Deno.test("useAddressLists() gives the lists of the settings, and watches nothing without files", () => {
  const { allowed, clock, denied, using } = stage({
    allow: ["192.0.2.0/24", "2001:db8::1"],
    deny: ["192.0.2.2"],
  });
  using _ = using;
  assertEquals(allowed(), ["192.0.2.1", "192.0.2.2", "2001:db8::1"]);
  assertEquals(denied(), ["192.0.2.2"]);
  assertEquals(clock.pending, 0);
});

Deno.test("useAddressLists() reads files, one entry a line, and takes up their changes", async () => {
  using folder = new Folder();
  const path = `${folder.path}/list`;
  const write = (text: string) => Deno.writeTextFileSync(path, text);
  write("# those of the mill\n192.0.2.1  # the old one\r\n\n  2001:db8::/32\n");
  const { allowed, clock, denied, look, reported, using } = stage({
    allow: ["198.51.100.1", `@${path}`],
    deny: [`@${path}`],
  });
  assertEquals(allowed(), ["192.0.2.1", "198.51.100.1", "2001:db8::1"]);
  assertEquals(denied(), ["192.0.2.1", "2001:db8::1"]);
  write("192.0.2.2");
  await look();
  assertEquals(allowed(), ["192.0.2.2", "198.51.100.1"]);
  assertEquals(denied(), ["192.0.2.2"]);
  write("192.0.2.1\n192.0.2\n");
  await look();
  assertEquals(denied(), ["192.0.2.2"]);
  assertEquals(reported, [
    "info: list: has changed; taken up",
    "warning: list: line 2: 192.0.2: expected an IPv4 or IPv6 address, or a block of them such as " +
    "192.0.2.0/24 or 2001:db8::/32; what was read before stays in use",
  ]);
  using[Symbol.dispose]();
  assertEquals(clock.pending, 0);
});

Deno.test("useAddressLists() refuses a file that cannot be read, and names the line of a wrong entry", () => {
  using folder = new Folder();
  const path = `${folder.path}/list`;
  const start = () => stage({ deny: [`@${path}`] });
  assertThrows(start, UsageError, `cannot read ${path}: there is no such file`);
  Deno.writeTextFileSync(path, "\nlocalhost");
  assertThrows(start, UsageError, `${path}: line 2: localhost: expected`);
});

Deno.test("useAddressLists() takes no empty file for allow, which would let nobody in", async () => {
  using folder = new Folder();
  const path = `${folder.path}/list`;
  Deno.writeTextFileSync(path, "# nobody\n");
  const why = "list: no entry for allow: nobody could connect";
  assertThrows(() => stage({ allow: [`@${path}`] }), UsageError, why);
  stage({ deny: [`@${path}`] }).using[Symbol.dispose]();
  Deno.writeTextFileSync(path, "192.0.2.1");
  const { allowed, look, reported, using } = stage({ allow: [`@${path}`] });
  using _ = using;
  Deno.writeTextFileSync(path, "");
  await look();
  assertEquals(allowed(), ["192.0.2.1"]);
  assertEquals(reported, [`warning: ${why}; what was read before stays in use`]);
});
