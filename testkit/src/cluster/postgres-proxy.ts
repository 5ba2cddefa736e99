// A proxy before PostgreSQL that fails on demand: it can cut a connection at COMMIT, before or after the server receives
// it, lose notifications, and fall silent. It reads the frames of the protocol (PostgreSQL 18, chapter 54.2) and of their contents
// only the COMMIT.
import { createServer, connect, type Server, type Socket } from 'node:net'
import { Frames } from './postgres-frames.ts'

/** Whether the next COMMIT is cut before or after the server receives it. */
export type CutAtCommit = 'before' | 'after'

export interface PostgresProxy {
  readonly port: number
  /** Cuts the next connection that commits: its client never learns whether the transaction was committed. */
  cutNextCommit(how: CutAtCommit): void
  /** Whether a cut still waits for a COMMIT. */
  isCutWaiting(): boolean
  /** While true, no notification reaches a client. */
  loseNotifications: boolean
  /**
   * Makes the connections that are open now silent for good, all or those of one `application_name`: nothing passes, and
   * neither end learns of it. Answers their number.
   */
  silenceOpen(applicationName?: string): number
  /** While true, no connection says anything, whether it is open or new. What is said meanwhile is lost. */
  isSilent: boolean
  close(): Promise<void>
}

const query = 'Q'.charCodeAt(0)
const notification = 'A'.charCodeAt(0)
const commit = /^commit\0$/i

/** @param socketPath - where PostgreSQL listens */
export async function startPostgresProxy(socketPath: string): Promise<PostgresProxy> {
  let waitingCut: CutAtCommit | undefined
  const sockets = new Set<Socket>()
  const state = { loseNotifications: false, isSilent: false }
  const open = new Set<{ isSilent: boolean; startup: string }>()

  // Frames go out one by one. Without noDelay each would wait until the one before is acknowledged, which takes 40 ms.
  const server: Server = createServer({ noDelay: true }, (client) => {
    const upstream = connect(socketPath)
    const connection = { isSilent: false, startup: '' }
    open.add(connection)
    const cut = () => {
      client.destroy()
      upstream.destroy()
    }
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('error', cut)
      socket.on('close', () => {
        sockets.delete(socket)
        open.delete(connection)
        cut()
      })
    }
    const fromClient = new Frames(false)
    let isMuted = false
    client.on('data', (chunk: Buffer) => {
      if (connection.isSilent || state.isSilent) return
      for (const frame of fromClient.push(chunk)) {
        // The first message has the parameters of the session, each name and value ended by a zero.
        if (connection.startup === '') connection.startup = frame.toString('latin1')
        if (
          waitingCut !== undefined &&
          frame[0] === query &&
          commit.test(frame.subarray(5).toString('latin1'))
        ) {
          const how = waitingCut
          waitingCut = undefined
          if (how === 'before') {
            cut()
            return
          }
          // The server commits, but its answer is lost on the way.
          isMuted = true
          upstream.once('data', cut)
        }
        upstream.write(frame)
      }
    })
    const fromServer = new Frames(true)
    upstream.on('data', (chunk: Buffer) => {
      if (isMuted || connection.isSilent || state.isSilent) return
      if (!state.loseNotifications) {
        // Frames are split all the same, so that losing can begin at any time.
        for (const frame of fromServer.push(chunk)) client.write(frame)
        return
      }
      for (const frame of fromServer.push(chunk)) if (frame[0] !== notification) client.write(frame)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    cutNextCommit(how) {
      waitingCut = how
    },
    isCutWaiting: () => waitingCut !== undefined,
    get loseNotifications() {
      return state.loseNotifications
    },
    set loseNotifications(lose) {
      state.loseNotifications = lose
    },
    silenceOpen(applicationName) {
      const silenced = [...open].filter(
        ({ startup }) =>
          applicationName === undefined || startup.includes(`application_name\0${applicationName}\0`),
      )
      for (const connection of silenced) connection.isSilent = true
      return silenced.length
    },
    get isSilent() {
      return state.isSilent
    },
    set isSilent(isSilent) {
      state.isSilent = isSilent
    },
    async close() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
