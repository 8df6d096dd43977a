import type { Finding, Severity } from '../finding.ts'
import { bySeverity } from '../finding.ts'

/** How texts are emphasised: by escape sequences, or not at all. */
export interface Style {
  bold(text: string): string
  faint(text: string): string
  severity(severity: Severity): string
}

const marks: Record<Severity, { text: string; shade: number }> = {
  error: { text: 'error  ', shade: 31 },
  warning: { text: 'warning', shade: 33 },
  info: { text: 'info   ', shade: 36 }
}

export function styleOf(color: boolean): Style {
  const paint = (text: string, shade: number) => (color ? `\u001b[${shade}m${text}\u001b[0m` : text)
  return {
    bold: text => paint(text, 1),
    faint: text => paint(text, 2),
    severity: severity => paint(marks[severity].text, marks[severity].shade)
  }
}

/** Findings as a person reads them: one block each, its remedy ready to be copied from a line of its own. */
export function findingsText(findings: readonly Finding[], style: Style): string {
  return bySeverity(findings)
    .map(finding => findingText(finding, style))
    .join('')
}

function findingText({ code, severity, what, place, remedy }: Finding, style: Style): string {
  const lines = [`${style.severity(severity)}  ${style.bold(code)}  ${what}`]
  if (place !== '') lines.push(`         ${style.faint('at:  ')} ${place}`)
  if (remedy !== '') lines.push(`         ${style.faint('cure:')} ${remedy.replaceAll('\n', '\n               ')}`)
  return `${lines.join('\n')}\n`
}

/** `2 errors, 1 warning` */
export function countText(findings: readonly Finding[]): string {
  const counts = (['error', 'warning', 'info'] as const)
    .map(severity => [severity, findings.filter(finding => finding.severity === severity).length] as const)
    .filter(([, count]) => count > 0)
    .map(([severity, count]) => `${count} ${severity === 'info' ? 'remark' : severity}${count === 1 ? '' : 's'}`)
  return counts.length === 0 ? 'nothing found' : counts.join(', ')
}

/** Rows of equal columns, the first row a head. Cells hold no escape sequences. */
export function tableText(rows: readonly (readonly string[])[], style: Style): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map(row => (row[column] ?? '').length)))
  return rows
    .map(row =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd()
    )
    .map((line, index) => `${index === 0 ? style.faint(line) : line}\n`)
    .join('')
}

/** `12.3 MB`; decimal prefixes. */
export function bytesText(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  let unit = 0
  let value = bytes
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000
    unit++
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`
}

/** `45 s`, `12 min`, `3.5 h`, `2.1 d` */
export function durationText(seconds: number): string {
  if (seconds < 120) return `${Math.round(seconds)} s`
  if (seconds < 7_200) return `${Math.round(seconds / 60)} min`
  if (seconds < 172_800) return `${(seconds / 3_600).toFixed(1)} h`
  return `${(seconds / 86_400).toFixed(1)} d`
}
