// A pooler in transaction mode before PostgreSQL, as others run one: a session is given to whoever begins the next transaction.
// Each client logs in to a session of PostgreSQL by itself, and gives it back.
import { connect, createServer, type Socket } from 'node:net'
import { Frames } from './postgres-frames.ts'

/** Which of the idle sessions is next: the one that was given back last, as PgBouncer has it by default, or each in turn. */
export type NextSession = 'last' | 'in turn'

export interface TransactionPooler {
  readonly port: number
  close(): Promise<void>
}

const readyForQuery = 'Z'.charCodeAt(0)
const terminate = 'X'.charCodeAt(0)
const outsideOfTransaction = 'I'.charCodeAt(0)
const statusAt = 5

interface Session {
  socket: Socket
  /** Who has it now. Undefined: it is idle, and nobody reads what it says. */
  client: Client | undefined
}

interface Client {
  socket: Socket
  session: Session | undefined
}

/** @param socketPath - where PostgreSQL listens */
export async function startTransactionPooler(
  socketPath: string,
  next: NextSession = 'last',
): Promise<TransactionPooler> {
  const sockets = new Set<Socket>()
  const idle: Session[] = []
  const waiting: ((session: Session) => void)[] = []

  function watch(socket: Socket, onClose: () => void): void {
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.on('close', () => {
      sockets.delete(socket)
      onClose()
    })
  }

  function openSession(client: Client): Session {
    const session: Session = { socket: connect(socketPath), client }
    watch(session.socket, () => {
      const at = idle.indexOf(session)
      if (at >= 0) idle.splice(at, 1)
      session.client?.socket.destroy()
    })
    const frames = new Frames(true)
    session.socket.on('data', (chunk: Buffer) => {
      for (const frame of frames.push(chunk)) {
        session.client?.socket.write(frame)
        if (frame[0] === readyForQuery && frame[statusAt] === outsideOfTransaction) giveBack(session)
      }
    })
    return session
  }

  function giveBack(session: Session): void {
    if (session.client !== undefined) session.client.session = undefined
    session.client = undefined
    const first = waiting.shift()
    if (first === undefined) idle.push(session)
    else first(session)
  }

  async function take(): Promise<Session> {
    const session = next === 'last' ? idle.pop() : idle.shift()
    return session ?? new Promise((resolve) => waiting.push(resolve))
  }

  const server = createServer({ noDelay: true }, (socket) => {
    const client: Client = { socket, session: undefined }
    client.session = openSession(client)
    const frames = new Frames(false)
    let sent = Promise.resolve()
    watch(socket, () => {
      // In the middle of a transaction nobody else may have it.
      client.session?.socket.destroy()
    })
    async function pass(frame: Buffer): Promise<void> {
      if (frame[0] === terminate) return
      if (client.session === undefined) {
        const session = await take()
        session.client = client
        client.session = session
      }
      client.session.socket.write(frame)
    }
    socket.on('data', (chunk: Buffer) => {
      for (const frame of frames.push(chunk)) sent = sent.then(() => pass(frame))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    async close() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
