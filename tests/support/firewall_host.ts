/**
 * A host in memory with the rules of iptables and nft, as far as a server's rule goes: rules are texts, which are
 * listed, inserted and removed.
 *
 * @module
 */
import type {
  FirewallHost,
  Tool,
  ToolResult,
} from "../../lib/platform/net/firewall/firewall_host.ts";

/** What root has, and what the user of a shell has not. */
const CAPABILITIES = { root: "000001ffffffffff", nobody: "0000000000000000" };

/** A host whose firewall is in memory. */
export class MemoryFirewallHost implements FirewallHost {
  readonly pid = 77;
  /** The rules of INPUT, of each tool that is there. */
  readonly rules: Partial<Record<Exclude<Tool, "nft">, string[]>> = {};
  /** What nft lists; `undefined` if it is not there. */
  nft?: string;
  /** The policy of INPUT. */
  policy: "ACCEPT" | "DROP" = "DROP";
  /** The files of the system besides those of its processes. */
  readonly files: Record<string, string> = {};
  /** Whose process it is. */
  user: keyof typeof CAPABILITIES = "root";
  /** All that was run, but for lists. */
  readonly changes: string[] = [];
  /** Called before each run; what it returns is the result. */
  before?: (tool: Tool, args: readonly string[]) => ToolResult | void;

  readonly mayRun = (tool: Tool): boolean =>
    (tool === "nft" ? this.nft : this.rules[tool]) !== undefined;

  readonly read = (path: string): Promise<string | undefined> => {
    const uid = this.user === "root" ? 0 : 1_000;
    const status = `Uid:\t${uid}\t${uid}\nCapEff:\t${CAPABILITIES[this.user]}\n`;
    return Promise.resolve(path === "/proc/self/status" ? status : this.files[path]);
  };

  readonly run = (tool: Tool, args: readonly string[], input?: string): Promise<ToolResult> => {
    const result = this.before?.(tool, args) ?? this.#run(tool, args, input);
    return Promise.resolve(result);
  };

  #run(tool: Tool, args: readonly string[], input?: string): ToolResult {
    if (tool === "nft") {
      if (input !== undefined) this.changes.push(input);
      return { isDone: true, text: this.nft! };
    }
    const rules = this.rules[tool]!;
    const [command, , ...words] = args.slice(2);
    if (command === "-S") {
      const lines = [`-P INPUT ${this.policy}`, ...rules.map((rule) => `-A INPUT ${rule}`)];
      return { isDone: true, text: lines.join("\n") };
    }
    this.changes.push(`${tool} ${args.slice(2).join(" ")}`);
    if (command === "-I") rules.splice(Number(words[0]) - 1, 0, listed(words.slice(1)));
    const at = rules.indexOf(listed(words));
    if (command === "-D" && at >= 0) rules.splice(at, 1);
    return { isDone: true, text: "" };
  }
}

/** A rule as it is listed. */
function listed(words: readonly string[]): string {
  return words.map((word) => word.includes(" ") ? `"${word}"` : word).join(" ");
}
