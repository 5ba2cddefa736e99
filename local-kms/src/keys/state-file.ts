// One file of the state folder. It carries a checksum: a damaged file stops the start and never becomes a new state.
import { hash } from 'node:crypto'
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const format = 1
const unfinishedSuffix = '.tmp'

/** Returns when the file is on disk. Calls are answered after that, so their changes survive kill -9 and a power cut. */
export function writeStateFile(folder: string, name: string, content: unknown): void {
  const unfinished = join(folder, `${name}${unfinishedSuffix}`)
  const file = openSync(unfinished, 'w', 0o600)
  try {
    writeFileSync(file, JSON.stringify({ format, sha256: checksum(content), content }))
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
  renameSync(unfinished, join(folder, name))
  syncFolder(folder)
}

/** @throws Error when the file is damaged, or written by another version */
export function readStateFile<T>(path: string, isContent: (value: unknown) => value is T): T {
  let file: unknown
  try {
    file = JSON.parse(readFileSync(path, 'utf8'))
  } catch (cause) {
    throw damaged(path, cause)
  }
  if (typeof file !== 'object' || file === null || !('format' in file) || !('content' in file))
    throw damaged(path)
  if (file.format !== format) throw new Error(`${path} was written by another version of local-kms`)
  if (!('sha256' in file) || file.sha256 !== checksum(file.content)) throw damaged(path)
  if (!isContent(file.content)) throw damaged(path)
  return file.content
}

/** Removes the file `name` if it is one whose change was never acknowledged. Answers whether it was. */
export function discardUnfinished(folder: string, name: string): boolean {
  if (!name.endsWith(unfinishedSuffix)) return false
  rmSync(join(folder, name))
  return true
}

export function syncFolder(folder: string): void {
  const handle = openSync(folder, 'r')
  try {
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
}

function checksum(content: unknown): string {
  return hash('sha256', JSON.stringify(content))
}

function damaged(path: string, cause?: unknown): Error {
  return new Error(`${path} is damaged: put back a copy of it, or delete it and what it keeps is gone`, {
    cause,
  })
}
