// How much memory V8 may take for objects. Node lets each process have up to a quarter of the machine or of its container, or more: that
// is too much for several of them.
import { totalmem } from 'node:os'
import type { Environment } from '../settings/setting.ts'
import { getHeapStatistics } from 'node:v8'

const bytesOfMib = 1_048_576
// The rest is for keys, bodies and buffers, which are outside of it.
const shareForHeaps = 1 / 2
const limitOption = '--max-old-space-size'

/** Arguments for the Node of each replica. None: what Node does by itself is right, or the operator has said it. */
export function heapArguments(
  replicas: number,
  { NODE_OPTIONS = '' }: Environment,
  limitBytes = getHeapStatistics().heap_size_limit,
  memoryBytes = memoryOfMachine(),
): string[] {
  if ([...process.execArgv, NODE_OPTIONS].some((text) => text.replaceAll('_', '-').includes(limitOption)))
    return []
  const each = (memoryBytes * shareForHeaps) / replicas
  return each >= limitBytes ? [] : [`${limitOption}=${Math.floor(each / bytesOfMib)}`]
}

function memoryOfMachine(): number {
  // Without a limit Node answers 0, or a number beyond all memory.
  const limit = process.constrainedMemory()
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem()
}
