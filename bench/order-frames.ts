import { RelationCatalogue } from '../capture/postgres/relation-catalogue.ts'
import {
  beginFrame,
  commitFrame,
  insertFrame,
  relationFrame,
  updateFrame
} from '../capture/postgres/testing/pgoutput-frames.ts'

const tableId = 16_400
const types: readonly (readonly [column: string, oid: number, name: string, category: string])[] = [
  ['id', 20, 'int8', 'N'],
  ['customer', 25, 'text', 'S'],
  ['note', 25, 'text', 'S'],
  ['amount', 1700, 'numeric', 'N'],
  ['quantity', 23, 'int4', 'N'],
  ['paid', 16, 'bool', 'B'],
  ['due', 1082, 'date', 'D'],
  ['updated_at', 1184, 'timestamptz', 'D']
]
/** numeric(12,2) as atttypmod. */
const amountModifier = ((12 << 16) | 2) + 4
export const rowsPerTransaction = 3
/** Long enough that branches and caches are not those of one row, short enough to stay in the processor's cache. */
const transactions = 200

/** The catalogue of one table, `public.order`, of eight columns of the usual types. */
export function orderCatalogue(): RelationCatalogue {
  const catalogue = new RelationCatalogue()
  catalogue.types.add(
    types.map(([, oid, name, category]) => ({
      oid,
      name,
      type: 'b',
      category,
      baseOid: 0,
      modifier: -1,
      elementOid: 0
    }))
  )
  catalogue.addKeys(tableId, { primaryKey: ['id'], identityIndex: [] })
  return catalogue
}

/** What a server sends for transactions of an insert and two updates; the definition of the table comes first. */
export function orderFrames(): { definition: Buffer; frames: Buffer[]; rows: number } {
  const definition = relationFrame({
    id: tableId,
    schema: 'public',
    name: 'order',
    replicaIdentity: 'default',
    columns: types.map(([name, typeOid]) => ({
      name,
      identity: name === 'id',
      typeOid,
      modifier: name === 'amount' ? amountModifier : -1
    }))
  })
  const frames: Buffer[] = []
  for (let number = 1; number <= transactions; number++) {
    frames.push(beginFrame(1_000n, 1_709_208_000_000_001, number))
    frames.push(insertFrame(tableId, row(number)))
    frames.push(updateFrame(tableId, row(number + 7)), updateFrame(tableId, row(number + 13)))
    frames.push(commitFrame(1_000n, 1_000n, 1_709_208_000_000_001))
  }
  return { definition, frames, rows: transactions * rowsPerTransaction }
}

function row(number: number): (string | null)[] {
  const day = String(1 + (number % 28)).padStart(2, '0')
  return [
    String(1_000_000 + number * 97),
    `customer ${number}`,
    number % 5 === 0 ? null : `payment ${number} lorem ipsum dolor sit amet`,
    `${(number * 7919) % 100_000}.${10 + (number % 90)}`,
    String(number % 1_000),
    number % 2 === 0 ? 't' : 'f',
    `2024-02-${day}`,
    `2024-02-${day} 12:34:${10 + (number % 50)}.${100_000 + number}+00`
  ]
}
