// Compares a file that the client's local encryption encrypts to another file and back with streams of plain GCM and with
// other tools.
import { createKeyholdClient } from '@keyhold/client/node'
import { randomBytes } from 'node:crypto'
import { mkdtemp, open, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { startKeyholdProcess } from '../../../../testkit/src/process/keyhold-process.ts'
import { createTenant } from '../../../../testkit/src/tenants/create-tenant.ts'
import { orSkip, type Comparison, type Report } from '../measurement.ts'
import type { Sizes } from '../sizes.ts'
import { alternateFiles } from './alternate-files.ts'
import { prepareAgeCommand, prepareAgeLibrary } from './age-files.ts'
import { prepareAwsEncryptionSdkFiles } from './aws-encryption-sdk-files.ts'
import { flushed, type FileWork, type PrepareFileWork } from './file-peer.ts'
import { preparePlainGcmFiles } from './plain-gcm-files.ts'

interface Peer {
  name: string
  prepare: PrepareFileWork
  /** Against the other side with a flush, so that both files are on disk. */
  goals: { encrypt?: number; decrypt?: number }
  /** Whether it is also measured without a flush. */
  alsoNotFlushed: boolean
}

const peers: Peer[] = [
  {
    name: 'plain GCM streams',
    prepare: preparePlainGcmFiles,
    goals: { encrypt: 0.8 },
    alsoNotFlushed: true,
  },
  {
    name: 'AWS Encryption SDK',
    prepare: () => prepareAwsEncryptionSdkFiles(65_536),
    goals: { encrypt: 4, decrypt: 1 },
    alsoNotFlushed: true,
  },
  {
    name: 'AWS Encryption SDK, its default frames',
    prepare: () => prepareAwsEncryptionSdkFiles(4_096),
    goals: {},
    alsoNotFlushed: false,
  },
  {
    name: 'AWS Encryption SDK, frames of 1 MiB',
    prepare: () => prepareAwsEncryptionSdkFiles(1_048_576),
    goals: {},
    alsoNotFlushed: false,
  },
  {
    name: 'age-encryption',
    prepare: prepareAgeLibrary,
    goals: { encrypt: 1, decrypt: 1 },
    alsoNotFlushed: false,
  },
  {
    name: 'age command',
    prepare: prepareAgeCommand,
    goals: { encrypt: 1, decrypt: 1 },
    alsoNotFlushed: true,
  },
]

const mebibyte = 1_048_576

type FileSizes = Pick<Sizes, 'fileMebibytes' | 'fileRounds'>

export async function compareFiles(sizes: FileSizes, report: Report): Promise<void> {
  const keyhold = await startKeyholdProcess()
  const folder = await mkdtemp(path.join(tmpdir(), 'keyhold-bench-'))
  try {
    const source = path.join(folder, 'source')
    await writeRandomFile(source, sizes.fileMebibytes)
    const { serviceToken } = await createTenant(keyhold.url, keyhold.operatorToken)
    const { local } = createKeyholdClient({ url: keyhold.url, token: serviceToken }).tenant()
    const ours: FileWork = {
      encrypt: (from, to) => local.encryptFile(from, to),
      decrypt: (from, to) => local.decryptFile(from, to),
    }
    for (const { name, prepare, goals, alsoNotFlushed } of peers) {
      await orSkip(`files of ${sizes.fileMebibytes} MiB | ${name}`, report, async () => {
        const theirs = await prepare(folder)
        const onDisk = await compareBoth(`${name}, flushed`, [ours, flushed(theirs)], folder, sizes, goals)
        if (!alsoNotFlushed) return onDisk
        return [...onDisk, ...(await compareBoth(`${name}, not flushed`, [ours, theirs], folder, sizes, {}))]
      })
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
    await keyhold.stop()
  }
}

/** Encrypts the folder's source by turns, and then decrypts by turns what each side made of it. */
async function compareBoth(
  peer: string,
  [ours, theirs]: readonly [FileWork, FileWork],
  folder: string,
  { fileMebibytes, fileRounds }: FileSizes,
  goals: Peer['goals'],
): Promise<Comparison[]> {
  const source = path.join(folder, 'source')
  const ourFile = path.join(folder, 'ours')
  const theirFile = path.join(folder, 'theirs')
  const target = path.join(folder, 'target')
  const common = { mebibytes: fileMebibytes, rounds: fileRounds }
  const encrypted = await alternateFiles({
    ...common,
    name: `encrypt a file of ${fileMebibytes} MiB | ${peer}`,
    ours: { transform: ours.encrypt, source, target: ourFile },
    theirs: { transform: theirs.encrypt, source, target: theirFile },
    ...(goals.encrypt !== undefined && { goal: goals.encrypt }),
  })
  const decrypted = await alternateFiles({
    ...common,
    name: `decrypt a file of ${fileMebibytes} MiB | ${peer}`,
    ours: { transform: ours.decrypt, source: ourFile, target },
    theirs: { transform: theirs.decrypt, source: theirFile, target },
    ...(goals.decrypt !== undefined && { goal: goals.decrypt }),
  })
  if ((await stat(target)).size !== fileMebibytes * mebibyte)
    throw new Error('what was decrypted has another size')
  return [encrypted, decrypted]
}

async function writeRandomFile(file: string, mebibytes: number): Promise<void> {
  const handle = await open(file, 'wx')
  try {
    const bytes = randomBytes(mebibyte)
    for (let written = 0; written < mebibytes; written++) await handle.write(bytes)
    // Nothing of it must be written while others are measured.
    await handle.sync()
  } finally {
    await handle.close()
  }
}
