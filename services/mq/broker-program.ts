// The stand-in queue manager's process: node broker-program.ts <queue manager> <MQI socket> <control socket>
import { createServer, type Socket } from 'node:net'
import { Broker, type Fault } from './broker.ts'
import { Connection } from './connection.ts'
import { serveControl } from './control.ts'
import { answerBytes, failed, RequestReader, type Answer, type Request } from './wire.ts'

const [name, socketPath, controlPath] = process.argv.slice(2)
if (name === undefined || socketPath === undefined || controlPath === undefined) throw new Error('three arguments')
const broker = new Broker(name)

createServer(socket => serveControl(broker, socket)).listen(controlPath, () => {
  createServer(socket => serve(socket)).listen(socketPath)
})

function serve(socket: Socket): void {
  const connection = new Connection(broker, () => Date.now())
  const reader = new RequestReader()
  const cut = {
    get address() {
      return connection.address
    },
    cut: () => socket.destroy()
  }
  broker.connections.add(cut)
  socket.on('data', chunk => {
    for (const request of reader.take(chunk)) perform(connection, socket, request)
  })
  socket.on('error', () => {})
  socket.on('close', () => {
    broker.connections.delete(cut)
    connection.lost()
  })
}

function perform(connection: Connection, socket: Socket, request: Request): void {
  const send = (answer: Answer) => {
    if (!socket.destroyed) socket.write(answerBytes(answer))
  }
  const fault = broker.take(request.operation, connection.address)
  if (fault === null) connection.perform(request, send)
  else setTimeout(() => goWrong(fault, connection, socket, request, send), fault.delayMs)
}

function goWrong(
  fault: Required<Fault>,
  connection: Connection,
  socket: Socket,
  request: Request,
  send: (answer: Answer) => void
): void {
  const end = (answer: Answer) => {
    if (fault.drop) socket.destroy()
    else send(fault.reason === 0 ? answer : failed(fault.reason))
  }
  if (fault.performed || (fault.reason === 0 && !fault.drop)) connection.perform(request, end)
  else end(failed(fault.reason))
}
