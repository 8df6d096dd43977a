import { isTidemarkError, TidemarkError } from '@tidemark/schemas/tidemark-error.ts'

export interface ConfiguredPlaces {
  /** As errors name it. */
  queueManager: string
  /** File, line and column of `mq.connection`, and of each queue by its name. */
  connection: string
  queues: ReadonlyMap<string, string>
}

/** Where in the configuration file an error's place stands: `queue X`, a queue or the queue manager; else as it is. */
export function configuredPlace(place: string, { queueManager, connection, queues }: ConfiguredPlaces): string {
  if (place === queueManager) return connection
  return queues.get(place.replace(/^queue /, '')) ?? place
}

/** The same error at its place in the configuration file. */
export function atItsPlace(error: unknown, places: ConfiguredPlaces | null): unknown {
  if (places === null || !isTidemarkError(error)) return error
  const { code, message, cure, cause } = error
  // What the client package says has no place of its own.
  const place = error.place ?? (code === 'MQ_CLIENT_MISSING' ? places.queueManager : undefined)
  return place === undefined
    ? error
    : new TidemarkError(code, { message, cure, cause, place: configuredPlace(place, places) })
}
