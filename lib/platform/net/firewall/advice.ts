/**
 * The commands with which people open a port in a firewall.
 *
 * @module
 */
import type { FirewallHost } from "./firewall_host.ts";
import { INPUT, iptablesChains, iptablesCommand } from "./iptables.ts";
import { NFT_LIST, nftChains, nftCommand, nftObjects } from "./nft.ts";
import { type GuardedAddress, type Opening, openingsOf, plainAddress } from "./opening.ts";
import { placeIn } from "./ruleset.ts";

/** The command that opens a port: of the program that manages the rules, or of the tool that is there. */
export async function openCommand(
  port: number,
  openings: readonly Opening[],
  host: FirewallHost,
): Promise<string> {
  const hasOnlyNft = host.mayRun("nft") && !host.mayRun("iptables");
  const commands = openings.map((each) => hasOnlyNft ? nftCommand(each) : iptablesCommand(each));
  return (await managerOf(port, host))?.command ?? [...new Set(commands)].join(" && ");
}

/** What to do when nobody connects to an address: a line with a command, if one is known. */
export async function reachAdvice(address: GuardedAddress, host: FirewallHost): Promise<string> {
  const { port } = address;
  if (/^(?:127\.|::1$)/.test(plainAddress(address.host))) {
    return `${address.host} can be reached from this host only; 0.0.0.0 listens on every address`;
  }
  const manager = await managerOf(port, host);
  if (manager !== undefined) {
    return `${manager.name} manages the firewall of this host; to open the port: ${manager.command}`;
  }
  const found = await Promise.all(openingsOf(address).map((each) => look(each, host)));
  const command = found.find((each) => each !== undefined && each !== OPEN);
  if (command !== undefined) {
    return `the firewall of this host drops what is for the port; to open it: ${command}`;
  }
  if (found.every((each) => each === OPEN)) {
    return `the firewall of this host lets TCP port ${port} in; does one on the path?`;
  }
  return `docs/firewalls.md has the commands that open TCP port ${port} in a firewall`;
}

/** The program that manages the rules of this host, if one is active, and its command to open a port. */
async function managerOf(
  port: number,
  { read }: FirewallHost,
): Promise<{ name: string; command: string } | undefined> {
  if (/^ENABLED=yes$/m.test(await read("/etc/ufw/ufw.conf") ?? "")) {
    return { name: "ufw", command: `ufw allow ${port}/tcp` };
  }
  // Its control group is there as long as it runs, and readable for everybody.
  const processes = await read("/sys/fs/cgroup/system.slice/firewalld.service/cgroup.procs");
  if (processes === undefined || processes === "") return undefined;
  return { name: "firewalld", command: `firewall-cmd --add-port=${port}/tcp` };
}

/** What is found where no command is needed. */
const OPEN = "open";

/** The command that opens a port; that it is open; or `undefined` if the rules cannot be listed. */
async function look(opening: Opening, { mayRun, run }: FirewallHost): Promise<string | undefined> {
  let isListed = false;
  const tool = opening.family === "ip" ? "iptables" : "ip6tables";
  if (mayRun(tool)) {
    const { isDone, text } = await run(tool, ["-w", "3", "-S"]);
    const { at, isCaught } = placeIn(iptablesChains(isDone ? text : "", opening), INPUT);
    if (isCaught) return iptablesCommand(opening, at);
    isListed = isDone;
  }
  if (mayRun("nft")) {
    const { isDone, text } = await run("nft", NFT_LIST);
    const objects = isDone ? nftObjects(text) : undefined;
    const chain = objects && nftChains(objects, opening).find(({ isCaught }) => isCaught);
    if (chain) return nftCommand(opening, chain);
    isListed ||= objects !== undefined;
  }
  return isListed ? OPEN : undefined;
}
