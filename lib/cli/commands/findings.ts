/**
 * What a check of a command found, as text and as JSON, and what that means for the exit status.
 *
 * @module
 */
import { EXIT, type ExitStatus } from "../../session/close_reason.ts";
import { jsonLine, printable } from "../../wire/quote.ts";

/** How a finding is to be taken: all is well, unsafe or doubtful, or the command would not work. */
export type FindingLevel = "ok" | "warning" | "error";

/** One thing that a check found. */
export interface Finding {
  /** How it is to be taken. */
  readonly level: FindingLevel;
  /** The setting that it is about, or a topic: `configuration`, `access`, `timers`, `sessions`. */
  readonly about: string;
  /** A clause for people. */
  readonly text: string;
}

const STATUS: Readonly<Record<FindingLevel, ExitStatus>> = {
  ok: EXIT.asked,
  warning: EXIT.lost,
  error: EXIT.usage,
};

/** Makes findings about one thing. */
export function about(topic: string): Record<FindingLevel, (text: string) => Finding> {
  const make = (level: FindingLevel) => (text: string) => ({ level, about: topic, text });
  return { ok: make("ok"), warning: make("warning"), error: make("error") };
}

/** The exit status after findings: that of the worst. */
export function statusOf(findings: readonly Finding[]): ExitStatus {
  const statuses = findings.map(({ level }) => STATUS[level]);
  return (["error", "warning"] as const).map((level) => STATUS[level])
    .find((status) => statuses.includes(status)) ?? EXIT.asked;
}

/** A finding as a line: texts may come from files, flags and certificates. */
export function findingLine({ about, level, text }: Finding, isJson: boolean): string {
  if (isJson) return jsonLine({ level, about, text });
  return printable(`${level.padEnd(7)}  ${about.padEnd(13)}  ${text}`);
}
