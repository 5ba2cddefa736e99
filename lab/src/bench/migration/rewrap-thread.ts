// A worker thread of the bare loop, with a connection of its own, which is open before the time begins.
import pg from 'pg'
import { parentPort, workerData } from 'node:worker_threads'
import { bareRewrap, type BareRewrap } from './bare-rewrap.ts'

const client = new pg.Client(workerData as pg.ClientConfig)
await client.connect()
parentPort?.on('message', (order: BareRewrap | 'end') => {
  if (order === 'end') {
    void client.end().then(() => {
      parentPort?.close()
    })
    return
  }
  void bareRewrap(client, order).then((done) => parentPort?.postMessage(done))
})
parentPort?.postMessage('ready')
