// Floods a server from a process of its own, so that only the server is shared with the neighbour. It stands for other
// machines: it takes the processors only where the server and the neighbour leave them. The results show
// its answers, so a flood that is too slow to be one would be seen.
import os from 'node:os'
import { floods, type FloodName } from './floods.ts'
import type { FloodScene } from './flood-scene.ts'

export interface FloodOrder {
  flood: FloodName
  scene: FloodScene
}

os.setPriority(os.constants.priority.PRIORITY_BELOW_NORMAL)

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
