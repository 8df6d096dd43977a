import type { RulePlaces } from '@tidemark/kcop/rules.ts'
import type { ColumnsFile } from './column-options.ts'
import type { MonitorFile } from './monitor-options.ts'
import { columnMentions } from './output-completion.ts'
import type { AlsoFile, OutboxTableFile, TableFile } from './table-options.ts'
import { escapePointer, type YamlDocument } from './yaml-document.ts'

/** Where the parts of an output stand that are written; `at`: JSON pointer of its entry. */
export function outputPlaces(entry: TableFile | AlsoFile, at: string, document: YamlDocument): RulePlaces {
  const options = ['topic', 'filter', 'format', 'key', 'partition', 'columns'] as const
  const written = options.filter(option => entry[option] !== undefined && document.has(`${at}/${option}`))
  const { partition } = entry
  return {
    ...Object.fromEntries(written.map(option => [option, document.placeOf(`${at}/${option}`)])),
    ...(typeof partition === 'object' ? { partition: document.placeOf(`${at}/partition/column`) } : {}),
    ...keyPlaces(entry, at, document),
    ...headerPlaces(entry, at, document),
    ...columnPlaces(entry.columns, `${at}/columns`, document)
  }
}

/** Of an outbox: the options that name columns, each further column by its index, and the rules of columns. */
export function outboxPlaces(entry: OutboxTableFile, at: string, document: YamlDocument): RulePlaces {
  const options = ['id', 'key', 'payload', 'routeBy', 'timestamp', 'schemaVersion', 'topic'] as const
  const written = options.filter(option => document.has(`${at}/${option}`))
  const additional = (entry.additional ?? []).map((_, index) => [
    `additional/${index}`,
    document.placeOf(`${at}/additional/${index}/column`)
  ])
  return {
    ...Object.fromEntries(written.map(option => [option, document.placeOf(`${at}/${option}`)])),
    ...(Object.fromEntries(additional) as RulePlaces),
    ...columnPlaces(entry.columns, `${at}/columns`, document)
  }
}

/** Of a monitor rule: `column` is that of its measure. */
export function monitorPlaces({ sum, min, max, where }: MonitorFile, at: string, document: YamlDocument): RulePlaces {
  const measure = sum !== undefined ? 'sum' : min !== undefined ? 'min' : max === undefined ? null : 'max'
  return {
    topic: document.placeOf(`${at}/topic`),
    ...(measure === null ? {} : { column: document.placeOf(`${at}/${measure}`) }),
    ...(where === undefined ? {} : { where: document.placeOf(`${at}/where`) })
  }
}

function keyPlaces({ key = [] }: TableFile | AlsoFile, at: string, document: YamlDocument): RulePlaces {
  return Object.fromEntries(key.map((name, index) => [`key/${name}`, document.placeOf(`${at}/key/${index}`)]))
}

function headerPlaces({ headers = {} }: TableFile | AlsoFile, at: string, document: YamlDocument): RulePlaces {
  return Object.fromEntries(
    Object.keys(headers).map(name => [
      `headers/${name}`,
      document.placeOf(`${at}/headers/${escapePointer(name)}/column`)
    ])
  )
}

/** `columns/<name>` where a column is named, `sources/<name>` what it is made of, `takes/<name>` what it looks up, `subjects/<name>` whose keys protect it. */
function columnPlaces(columns: ColumnsFile | undefined, at: string, document: YamlDocument): RulePlaces {
  const places: Record<string, string> = {}
  for (const { at: pointer, name, rule } of columnMentions(columns, at)) {
    places[`columns/${name}`] = document.placeOf(pointer, rule === null ? 'value' : 'key')
    if (rule === null || typeof rule === 'string') continue
    if (rule.expression !== undefined) places[`sources/${name}`] = document.placeOf(`${pointer}/expression`)
    if (rule.lookup !== undefined) {
      places[`sources/${name}`] = document.placeOf(`${pointer}/lookup/by`)
      places[`takes/${name}`] = document.placeOf(`${pointer}/lookup/take`)
    }
    if (typeof rule.encrypt === 'object') places[`subjects/${name}`] = document.placeOf(`${pointer}/encrypt/subject`)
  }
  return places
}
