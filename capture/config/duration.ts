const unitMs: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** As the configuration writes a time: a whole number and its unit. */
export const durationPattern = '^[1-9][0-9]{0,5}[smhd]$'

/** Milliseconds of a text that fits `durationPattern`. */
export function durationMs(text: string): number {
  return Number(text.slice(0, -1)) * unitMs[text.slice(-1)]!
}

/** The shortest text for it; milliseconds are rounded up to seconds. */
export function durationText(ms: number): string {
  const unit = ['d', 'h', 'm'].find(name => Number.isInteger(ms / unitMs[name]!)) ?? 's'
  return `${Math.ceil(ms / unitMs[unit]!)}${unit}`
}
