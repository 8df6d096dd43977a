import type { DeliberateDifference, Difference } from './envelope-comparison.ts'

const column = /^(?:before|after)\./

function ofTypes(...types: string[]): (difference: Difference) => boolean {
  return ({ type, path }) => types.includes(type) && (column.test(path) || path === 'refused')
}

function ofPaths(pattern: RegExp): (difference: Difference) => boolean {
  return ({ path }) => pattern.test(path)
}

/** The second LSN of a `source.sequence`: that of the change. */
function changeIn(sequence: string): string | null {
  return /\[(?:null|"\d+"),"(\d+)"\]/.exec(sequence.replaceAll('\\', ''))?.[1] ?? null
}

/** What is otherwise on purpose, in the words of docs/debezium.md. The first that covers a difference is counted. */
export const deliberateDifferences: readonly DeliberateDifference[] = [
  { what: '`source.version` is the version of Tidemark', covers: ofPaths(/^source\.version$/) },
  { what: '`ts_ms`, `ts_us`, `ts_ns`: when each made the event', covers: ofPaths(/^ts_(?:ms|us|ns)$/) },
  {
    what: '`source.sequence` begins with its own commit, not the last one before',
    covers: ({ path, debezium, ours }) =>
      path === 'source.sequence' && changeIn(debezium) !== null && changeIn(debezium) === changeIn(ours)
  },
  {
    what: '`transaction.id` holds the place of the commit, not of the change',
    covers: ofPaths(/^transaction\.id$/)
  },
  { what: 'headers `__debezium.context.*` are not written', covers: ofPaths(/^headers\.__debezium\.context\./) },
  { what: 'headers `tidemark.*` name columns that were not sent', covers: ofPaths(/^headers\.tidemark\./) },
  {
    what: 'in `before` a column the server did not send is null, not the default of its type or of the table',
    covers: ({ topic, path, ours }) => topic === 'public.account' && path.startsWith('before.') && ours === 'null'
  },
  {
    what: 'columns of types Debezium has no converter for are there, as text or arrays, not left out',
    covers: ({ path, debezium }) => column.test(path) && debezium === '(absent)'
  },
  {
    what: 'a name is its text, not null',
    covers: difference => ofTypes('name')(difference) && difference.debezium === 'null'
  },
  {
    what: 'NaN and Infinity of a numeric are refused (or strings with `decimal: string`), not null',
    covers: difference => difference.ours === '(absent)' && difference.type.startsWith('numeric')
  },
  { what: 'refusals', covers: difference => difference.path === 'refused' },
  {
    what: 'infinite dates are the largest and smallest number of 32 bits, not numbers that overflowed',
    covers: ofTypes('date')
  },
  {
    what: 'timestamps beyond 64 bits of microseconds are refused, not numbers that overflowed',
    covers: difference => difference.ours === '(absent)' && difference.type === 'timestamp'
  },
  {
    what: 'an infinite interval is the largest or smallest number of 64 bits, not 0',
    covers: difference => ofTypes('interval')(difference) && difference.debezium === '0'
  },
  {
    what: 'arrays of more than one dimension are refused in Avro, not garbled',
    covers: ({ type, ours }) => ours === '(absent)' && type.endsWith('[]')
  },
  { what: 'arrays of more than one dimension are nested, not garbled', covers: ofTypes('int8[]', 'text[]') },
  { what: 'int2vector and oidvector are their text, not an empty array', covers: ofTypes('int2vector', 'oidvector') }
]
