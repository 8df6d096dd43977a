import { createServer } from 'node:net'

/**
 * Ports of 127.0.0.1 that were free a moment ago. Another process may take one before the server binds it: starters
 * try again with others when theirs is refused.
 */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer())
  const ports = await Promise.all(
    servers.map(
      server =>
        new Promise<number>((done, fail) => {
          server.once('error', fail)
          server.listen(0, '127.0.0.1', () => {
            const address = server.address()
            if (address === null || typeof address === 'string') fail(new Error('no TCP port'))
            else done(address.port)
          })
        })
    )
  )
  await Promise.all(servers.map(server => new Promise(done => server.close(done))))
  return ports
}
