// The threads of this program for large files. They start with the first one, serve all files, and end when none has been worked on for a
// while. Where no thread can be had, and until the first one has started, the caller works on blocks itself.
import { availableParallelism } from 'node:os'
import { workOn, type BlockWork, type WorkedBlock } from './block-messages.ts'
import { startBlockThread, type BlockThread } from './start-block-thread.ts'

export interface BlockThreads {
  /** How many blocks of a file may be under way. */
  readonly width: number
  /** Rejects with what the work throws. Gives the memory of the block away. */
  run(work: BlockWork): Promise<WorkedBlock>
  /** The file is done, or has failed. */
  leave(): void
}

/** From this size on a file is worth them. */
export const leastBytes = 16 * 1_048_576

// Two seal faster than a disk writes, and more of them would wait for it.
const mostThreads = 4
const idleMs = 5_000

let threads: BlockThread[] = []
let files = 0
let idle: NodeJS.Timeout | undefined
let isRefused = false

/** For a file that is large enough. */
export function enterBlockThreads(): BlockThreads {
  files += 1
  clearTimeout(idle)
  start()
  return {
    // One for each thread, and one that is ready for the next.
    width: threads.length === 0 ? 1 : threads.length + 1,
    run(work) {
      const free = threads.filter((each) => each.isReady()).toSorted((a, b) => a.load() - b.load())[0]
      return free === undefined ? inline(work) : free.run(work)
    },
    leave() {
      files -= 1
      if (files === 0) idle = setTimeout(endAll, idleMs).unref()
    },
  }
}

/** For a file that is not. */
export const noBlockThreads: BlockThreads = { width: 1, run: inline, leave: () => undefined }

async function inline(work: BlockWork): Promise<WorkedBlock> {
  return Promise.resolve(workOn(work))
}

function start(): void {
  threads = threads.filter((each) => !each.hasEnded())
  const processors = availableParallelism()
  // On one processor a thread would only take turns with the program.
  const wanted = processors === 1 ? 0 : Math.min(processors, mostThreads)
  while (threads.length < wanted && !isRefused) {
    try {
      threads.push(startBlockThread())
    } catch {
      isRefused = true
    }
  }
}

function endAll(): void {
  for (const each of threads) each.end()
  threads = []
}
