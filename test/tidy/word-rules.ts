import { findInLines } from './file-rules.ts'
import { eachLine, type Finding, type SourceFile } from './source-tree.ts'

export interface WordRules {
  /** Hosts that URLs may name; subdomains too. Everything else is somebody's machine or a package registry. */
  hosts: readonly string[]
  /** Top directories that absolute paths must not begin with: they exist on one machine only. */
  machineDirectories: readonly string[]
  /** Words marking unfinished work. */
  unfinished: readonly string[]
}

/** Unfinished work belongs into an issue. */
export function checkUnfinished(files: SourceFile[], rules: WordRules): Finding[] {
  const pattern = new RegExp(`\\b(${rules.unfinished.join('|')})\\b`)
  return findInLines(files, pattern, match => `${match[1]}: do it, or write an issue`)
}

/** Absolute paths of the machine it was written on. */
export function checkMachinePaths(files: SourceFile[], rules: WordRules): Finding[] {
  const pattern = new RegExp(`(?:^|[\\s'"\`(=:,])(/(?:${rules.machineDirectories.join('|')})/[\\w.-]+)`)
  return findInLines(files, pattern, match => `${match[1]} is a path of one machine`)
}

/** URLs that name a host not on the list. */
export function checkHosts(files: SourceFile[], rules: WordRules): Finding[] {
  const findings: Finding[] = []
  for (const file of files) {
    eachLine(file, (text, line) => {
      for (const match of text.matchAll(/\bhttps?:\/\/([\w.-]*\w)/g)) {
        const host = match[1] ?? ''
        if (!isListed(host, rules.hosts)) findings.push({ path: file.path, line, message: `names the host ${host}` })
      }
    })
  }
  return findings
}

function isListed(host: string, hosts: readonly string[]): boolean {
  return hosts.some(listed => host === listed || host.endsWith(`.${listed}`))
}
