import { parseFilter } from '@tidemark/kcop/filter/filter-syntax.ts'
import { isTidemarkError, TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import { commitStreamOf } from './completion.ts'
import { measuresOf, tablesOf } from './monitor-completion.ts'
import type { MonitorFile } from './monitor-options.ts'
import { nearest } from './nearest.ts'
import { completeColumns } from './output-completion.ts'
import { invalid } from './references.ts'
import type { ConfigurationFile } from './schema.ts'
import { topicFault } from './topic-rules.ts'
import type { YamlDocument } from './yaml-document.ts'

/** What a schema cannot say of monitor rules. */
export function monitorFaults(written: ConfigurationFile, document: YamlDocument): TidemarkError[] {
  return (written.monitor ?? []).flatMap((rule, index) => {
    const at = `/monitor/${index}`
    const fault = (message: string, cure: string, option = '') =>
      invalid(`monitor rule ${rule.name} ${message}`, document.placeOf(`${at}${option}`), cure)
    return [
      ...topicFault(rule.topic, `${at}/topic`, at, 'topic', document),
      ...(rule.topic === commitStreamOf(written) ? [fault('sends to the commit stream', 'name another topic')] : []),
      ...shapeFaults(rule, fault),
      ...tableFaults(rule, written, fault),
      ...whereFaults(rule, `${at}/where`, document),
      ...(written.monitor!.findIndex(other => other.name === rule.name) < index
        ? [fault('has the name of another', 'give it a name of its own')]
        : [])
    ]
  })
}

type Fault = (message: string, cure: string, option?: string) => TidemarkError

function shapeFaults(rule: MonitorFile, fault: Fault): TidemarkError[] {
  const faults: TidemarkError[] = []
  const given = measuresOf(rule)
  if (given.length !== 1) faults.push(fault(`measures ${given.length} things`, 'give one of count, sum, min, max'))
  if (rule.above === undefined && rule.below === undefined && rule.equals === undefined) {
    faults.push(fault('has no limit', 'give above, below or equals'))
  }
  if (rule.table === undefined && given[0] !== 'count') faults.push(fault('names no table', 'add `table`'))
  return faults
}

function tableFaults(rule: MonitorFile, written: ConfigurationFile, fault: Fault): TidemarkError[] {
  const column = rule.sum ?? rule.min ?? rule.max
  return tablesOf(rule).flatMap((name, index) => {
    const table = written.tables?.[name]
    if (table === undefined) return [notCaptured(name, written, fault, Array.isArray(rule.table) ? index : null)]
    const { dropped, protected: guarded } = completeColumns(table.columns)
    const hidden = [...dropped, ...guarded.map(entry => entry.column)]
    if (column === undefined || !hidden.includes(column)) return []
    const cure = 'measure another column: the amount would tell what the protection hides'
    return [fault(`measures column ${column} of ${name}, which is protected`, cure, `/${measuresOf(rule)[0]}`)]
  })
}

function notCaptured(
  name: string,
  { tables = {} }: ConfigurationFile,
  fault: Fault,
  index: number | null
): TidemarkError {
  const close = nearest(name, Object.keys(tables))
  const cure = close === null ? 'add it to `tables`' : `did you mean \`${close}\`? or add it to \`tables\``
  return fault(`looks at ${name}, which is not captured`, cure, index === null ? '/table' : `/table/${index}`)
}

function whereFaults({ where }: MonitorFile, path: string, document: YamlDocument): TidemarkError[] {
  try {
    if (where !== undefined) parseFilter(where)
    return []
  } catch (error) {
    if (!isTidemarkError(error) || where === undefined) throw error
    const message = error.message.replaceAll(where, document.written(path) ?? where)
    return [new TidemarkError(error.code, { message, cure: error.cure, place: document.placeOf(path) })]
  }
}
