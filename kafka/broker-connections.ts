import { isIP } from 'node:net'
import { Connection, ConnectionStatuses } from '@platformatic/kafka'
import type { ConnectionOptions as ConnectionSettings } from '@platformatic/kafka'
import { TidemarkError } from '@tidemark/schemas/tidemark-error.ts'
import type { BrokerAddress } from './connection-options.ts'

/**
 * Connections to brokers for one purpose. A broker answers the requests of a connection one after another, so what may
 * wait long (a long poll, a group join) must not share one with what may not: `shared` is for quick requests of many
 * askers, `lease` for one asker at a time.
 */
export class BrokerConnections {
  private readonly clientId: string
  private readonly settings: ConnectionSettings
  private readonly shares = new Map<string, Promise<Connection>>()
  private readonly pools = new Map<string, LeasePool>()
  private readonly open = new Set<Connection>()
  private readonly leasesMax: number
  private closed = false

  /** At most `leasesMax` leased connections to one broker. */
  constructor(clientId: string, settings: ConnectionSettings, leasesMax = 8) {
    this.clientId = clientId
    this.settings = settings
    this.leasesMax = leasesMax
  }

  /** The one connection to that broker. Rejects with what the connection library gives. */
  shared(address: BrokerAddress): Promise<Connection> {
    const key = addressKey(address)
    const known = this.shares.get(key)
    if (known !== undefined) return known
    const share: { connection?: Promise<Connection> } = {}
    const forget = () => {
      if (this.shares.get(key) === share.connection) this.shares.delete(key)
    }
    share.connection = this.connect(address, forget)
    this.shares.set(key, share.connection)
    share.connection.catch(forget)
    return share.connection
  }

  /** Runs `use` with a connection of its own; waits for one when all of that broker are in use. */
  async lease<T>(address: BrokerAddress, use: (connection: Connection) => Promise<T>): Promise<T> {
    const pool = this.pool(address)
    await pool.enter()
    let connection: Connection | undefined
    try {
      connection = pool.idle.pop() ?? (await this.connect(address, lost => pool.drop(lost)))
      return await use(connection)
    } finally {
      if (connection !== undefined && isUsable(connection)) pool.idle.push(connection)
      pool.leave()
    }
  }

  /** Ends every connection; requests under way reject. Nothing is left running. */
  async close(): Promise<void> {
    this.closed = true
    await Promise.all([...this.open].map(end))
  }

  private async connect({ host, port }: BrokerAddress, gone: (lost: Connection) => void): Promise<Connection> {
    if (this.closed) throw closedError()
    const connection = new Connection(this.clientId, settingsFor(host, this.settings))
    this.open.add(connection)
    const forget = () => {
      this.open.delete(connection)
      gone(connection)
    }
    // Without a listener an 'error' event would end the process; requests learn of it by their own rejection.
    connection.on('error', forget)
    connection.on('close', forget)
    try {
      await connection.connect(host, port)
    } catch (error) {
      forget()
      await end(connection)
      throw error
    }
    if (!this.closed) return connection
    await end(connection)
    throw closedError()
  }

  private pool(address: BrokerAddress): LeasePool {
    const key = addressKey(address)
    let pool = this.pools.get(key)
    if (pool === undefined) this.pools.set(key, (pool = new LeasePool(this.leasesMax)))
    return pool
  }
}

/** Places for the leases of one broker, and the connections nobody uses now. */
class LeasePool {
  readonly idle: Connection[] = []
  private free: number
  private readonly waiting: (() => void)[] = []

  constructor(leasesMax: number) {
    this.free = leasesMax
  }

  async enter(): Promise<void> {
    if (this.free === 0) return new Promise(resolve => this.waiting.push(resolve))
    this.free--
  }

  leave(): void {
    const next = this.waiting.shift()
    if (next === undefined) this.free++
    else next()
  }

  drop(connection: Connection): void {
    const index = this.idle.indexOf(connection)
    if (index >= 0) this.idle.splice(index, 1)
  }
}

/** The name sent to the broker in the TLS handshake may not be an address (RFC 6066). */
function settingsFor(host: string, settings: ConnectionSettings): ConnectionSettings {
  return settings.tlsServerName === true && isIP(host) !== 0 ? { ...settings, tlsServerName: false } : settings
}

function isUsable({ status }: Connection): boolean {
  return status === ConnectionStatuses.CONNECTED || status === ConnectionStatuses.REAUTHENTICATING
}

/** `close` alone waits until everything written is flushed, which a dead peer never lets happen. */
async function end(connection: Connection): Promise<void> {
  const closing = connection.close()
  connection.socket?.destroy()
  await closing
}

function addressKey({ host, port }: BrokerAddress): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

function closedError(): TidemarkError {
  return new TidemarkError('KAFKA_UNREACHABLE', { message: 'the connections to Kafka were closed by this program' })
}
