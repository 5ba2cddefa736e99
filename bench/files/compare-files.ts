// A file encrypted to another file by the client's local encryption, beside streams of plain GCM and what one would
// take instead.
import { createKeyholdClient } from '@keyhold/client/node'
import { randomBytes } from 'node:crypto'
import { mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createTenant } from '../api.ts'
import { startKeyholdProcess } from '../endpoints/keyhold-process.ts'
import { orSkip, type Comparison, type Report } from '../measurement.ts'
import { median } from '../median.ts'
import type { Sizes } from '../sizes.ts'
import {
  ageCommand,
  ageLibrary,
  awsEncryptionSdkStreams,
  plainGcmStreams,
  type EncryptFile,
} from './file-peers.ts'

interface Peer {
  name: string
  prepare: () => EncryptFile | Promise<EncryptFile>
  goal?: number
}

const peers: Peer[] = [
  { name: 'plain GCM streams, flushed', prepare: () => plainGcmStreams(true), goal: 0.8 },
  { name: 'plain GCM streams, not flushed', prepare: () => plainGcmStreams(false) },
  { name: 'AWS Encryption SDK', prepare: awsEncryptionSdkStreams, goal: 4 },
  { name: 'age-encryption', prepare: ageLibrary, goal: 1 },
  { name: 'age command', prepare: ageCommand, goal: 1 },
]

const mebibyte = 1_048_576

export async function compareFiles(
  { fileMebibytes, fileRounds }: Pick<Sizes, 'fileMebibytes' | 'fileRounds'>,
  report: Report,
): Promise<void> {
  const keyhold = await startKeyholdProcess()
  const folder = await mkdtemp(path.join(tmpdir(), 'keyhold-bench-'))
  try {
    const source = path.join(folder, 'source')
    await writeRandomFile(source, fileMebibytes)
    const { serviceToken } = await createTenant(keyhold.url, keyhold.operatorToken)
    const { local } = createKeyholdClient({ url: keyhold.url, token: serviceToken }).tenant()
    const ours: EncryptFile = (from, to) => local.encryptFile(from, to)
    for (const { name: peer, prepare, goal } of peers) {
      const name = `encrypt a file of ${fileMebibytes} MiB | ${peer}`
      await orSkip(name, report, async () => {
        const theirs = await prepare()
        const timed = async (encryptFile: EncryptFile) => {
          const target = path.join(folder, 'target')
          const startMs = performance.now()
          await encryptFile(source, target)
          const elapsedMs = performance.now() - startMs
          await rm(target)
          return elapsedMs
        }
        const turns = await alternateFiles(
          fileRounds,
          () => timed(ours),
          () => timed(theirs),
        )
        return [comparison(name, fileMebibytes, turns, goal)]
      })
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
    await keyhold.stop()
  }
}

type Turn = readonly [ourMs: number, theirMs: number]

async function alternateFiles(
  rounds: number,
  ours: () => Promise<number>,
  theirs: () => Promise<number>,
): Promise<Turn[]> {
  await ours()
  await theirs()
  const turns: Turn[] = []
  for (let round = 0; round < rounds; round++) turns.push([await ours(), await theirs()])
  return turns
}

function comparison(name: string, mebibytes: number, turns: Turn[], goal: number | undefined): Comparison {
  return {
    name,
    ours: (mebibytes * 1_000) / median(turns.map(([ourMs]) => ourMs)),
    theirs: (mebibytes * 1_000) / median(turns.map(([, theirMs]) => theirMs)),
    unit: 'MiB/s',
    ratio: median(turns.map(([ourMs, theirMs]) => theirMs / ourMs)),
    ...(goal !== undefined && { goal }),
  }
}

async function writeRandomFile(file: string, mebibytes: number): Promise<void> {
  const handle = await open(file, 'wx')
  try {
    const bytes = randomBytes(mebibyte)
    for (let written = 0; written < mebibytes; written++) await handle.write(bytes)
  } finally {
    await handle.close()
  }
}
