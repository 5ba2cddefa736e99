// Floods a server from a process of its own, so that only the server is shared with the neighbour.
import { floods, type FloodName } from './floods.ts'
import type { FloodScene } from './flood-scene.ts'

export interface FloodOrder {
  flood: FloodName
  scene: FloodScene
}

const stop = new AbortController()
const answers: Record<string, number> = {}

process.on('message', (message: FloodOrder | 'stop') => {
  if (message === 'stop') {
    stop.abort()
    return
  }
  const flood = floods[message.flood]
  void flood(message.scene, stop.signal, (answer) => {
    answers[answer] = (answers[answer] ?? 0) + 1
  }).finally(() => {
    process.send?.(answers, () => process.exit())
  })
})
// Without a parent nobody would end it.
process.on('disconnect', () => process.exit())
