// The internal KMS's root key in its file. A root key is made once. It is durable before it wraps anything, and never
// replaces an existing one.
import { KeyholdError, keyBytes, keyCheckValue, keyFromBytes } from '@keyhold/core'
import { randomBytes, type KeyObject } from 'node:crypto'
import { link, open, readFile, realpath, rename, rm, stat, unlink, type FileHandle } from 'node:fs/promises'
import path from 'node:path'
import { parseRootKeyText, rootKeyText } from './root-key-form.ts'

export interface RootKey {
  /** 16 lower-case hex characters: a name, not derived from the key. */
  id: string
  key: KeyObject
}

/** A root key, and what its file says about the installation that it belongs to. */
export interface RootKeyRing extends RootKey {
  /** The UUID of the installation. Undefined: the file has form 1, which does not name it. */
  installationId: string | undefined
  /** Whether a steering row without a MAC is a forged row; otherwise it is only told. */
  requiresMacs: boolean
}

/** The value that the database keeps to recognise the root key. */
export function rootKeyCheckValue({ id, key }: RootKey): Buffer {
  return keyCheckValue({ tenantId: '', id, version: 1, key })
}

/**
 * Reads the root key; undefined when there is no file.
 *
 * @throws KeyholdError `ERR_ROOT_KEY_INVALID` when the file holds anything else than a root key, or can't be read
 */
export async function readRootKeyFile(file: string): Promise<RootKeyRing | undefined> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : ''
    if (code === 'ENOENT') return undefined
    throw new KeyholdError('ERR_ROOT_KEY_INVALID', {
      message: `The root key file ${file} cannot be read (${code}): give Keyhold's user access to it.`,
      cause: error,
    })
  }
  const parsed = parseRootKeyText(text)
  if (typeof parsed === 'string') {
    throw new KeyholdError('ERR_ROOT_KEY_INVALID', { message: `The root key file ${file} ${parsed}.` })
  }
  const { bytes, ...said } = parsed
  return { ...said, key: keyFromBytes(bytes) }
}

/** Makes a root key and its file, which must not exist; it is durable when this returns. */
export async function createRootKeyFile(file: string, installationId: string): Promise<RootKeyRing> {
  const id = randomBytes(8).toString('hex')
  const bytes = randomBytes(keyBytes)
  const temporary = `${file}.${id}.tmp`
  const handle = await open(temporary, 'wx', 0o600)
  try {
    await handle.writeFile(rootKeyText({ id, bytes, installationId }))
    await handle.sync()
  } finally {
    await handle.close()
  }
  try {
    // Unlike a rename, a link fails when the name is taken.
    await link(temporary, file)
  } finally {
    await unlink(temporary)
  }
  // The folder may have been made a moment ago, so that its own entry must be durable as well.
  for (const name of [path.dirname(file), path.dirname(path.dirname(path.resolve(file)))])
    await syncFolder(name)
  return { id, key: keyFromBytes(bytes), installationId, requiresMacs: true }
}

/** The steps of `replaceRootKeyFile` and `writeRootKeyCopy`, for tests that look at the folder after each. */
export type RootKeyFileStep = 'begun' | 'written' | 'synced' | 'renamed' | 'folder-synced'

/**
 * Puts a file of form 2 in the place of one that holds the same root key; it is durable when this returns. A crash leaves the
 * old file or the new one. The file keeps its owner and its mode.
 */
export async function replaceRootKeyFile(
  file: string,
  ring: RootKey & { installationId: string },
  onStep: (step: RootKeyFileStep) => Promise<void> = () => Promise.resolve(),
): Promise<void> {
  // A link goes on to name its file.
  const real = await realpath(file)
  const { uid, gid, mode } = await stat(real)
  const temporary = `${real}.new`
  await onStep('begun')
  // A crash may have left one. A link would lead to another file.
  await rm(temporary, { force: true })
  const handle = await open(temporary, 'wx', 0o600)
  try {
    const made = await handle.stat()
    if (made.uid !== uid || made.gid !== gid) await handle.chown(uid, gid)
    await handle.chmod(mode & 0o777)
    await writeRing(handle, ring)
    await onStep('written')
    await handle.sync()
  } finally {
    await handle.close()
  }
  await onStep('synced')
  await rename(temporary, real)
  await onStep('renamed')
  await syncFolder(path.dirname(real))
  await onStep('folder-synced')
}

/** Writes a file of form 2 to where nothing is, for whoever puts it in place by other means. Durable when this returns. */
export async function writeRootKeyCopy(
  file: string,
  ring: RootKey & { installationId: string },
): Promise<void> {
  const handle = await open(file, 'wx', 0o600)
  try {
    await writeRing(handle, ring)
    await handle.sync()
  } finally {
    await handle.close()
  }
  await syncFolder(path.dirname(file))
}

async function writeRing(
  handle: FileHandle,
  { id, key, installationId }: RootKey & { installationId: string },
): Promise<void> {
  const bytes = key.export()
  try {
    await handle.writeFile(rootKeyText({ id, bytes, installationId }))
  } finally {
    bytes.fill(0)
  }
}

async function syncFolder(name: string): Promise<void> {
  const folder = await open(name)
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}
