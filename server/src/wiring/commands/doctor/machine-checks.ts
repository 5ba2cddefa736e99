// Checks of this machine: Node.js, folders, disk, memory that is written to a disk, names and proxies.
import { proxyFor } from '@keyhold/core'
import { constants } from 'node:fs'
import { access, readFile, stat, statfs } from 'node:fs/promises'
import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import path from 'node:path'
import { keyholdVersion } from '../../../driver/application-name.ts'
import { looseModeOf } from '../../../settings/loose-mode.ts'
import type { Settings } from '../../../settings/read-settings.ts'
import { stateDir } from '../../../settings/state-dir.ts'
import { fail, ok, warn, type Check, type Finding } from './checks.ts'
import { kmsHosts } from './kms-hosts.ts'

const oldestNode = [22, 13] as const
const littleBytes = 1_073_741_824
const tooLittleBytes = 104_857_600
const writableByOthers = 0o002

export const versionCheck: Check = {
  name: 'version',
  look() {
    const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
    const seen = `Keyhold ${keyholdVersion}, Node.js ${process.versions.node}`
    const isOld = major < oldestNode[0] || (major === oldestNode[0] && minor < oldestNode[1])
    return Promise.resolve(isOld ? fail(seen, `install Node.js ${oldestNode.join('.')} or later`) : ok(seen))
  },
}

/** @param settings - undefined where they are wrong */
export function machineChecks(settings: Settings | undefined): Check[] {
  const of = (look: (known: Settings) => Promise<Finding | undefined>) => () =>
    settings === undefined ? Promise.resolve(undefined) : look(settings)
  return [
    { name: 'data directory', look: of(({ dataDir }) => lookAtFolder(dataDir, 'KEYHOLD_DATA_DIR')) },
    {
      name: 'state directory',
      look: of((known) => lookAtFolder(stateDir(known), 'KEYHOLD_STATE_DIR')),
    },
    {
      name: 'disk',
      look: of(async ({ dataDir }) => {
        const { bavail, bsize } = await statfs(await existingParent(dataDir))
        const free = bavail * bsize
        const seen = `${Math.floor(free / 1_048_576)} MiB are free for ${path.resolve(dataDir)}`
        if (free < tooLittleBytes)
          return fail(seen, 'make room, or name another folder with KEYHOLD_DATA_DIR')
        return free < littleBytes ? warn(seen, 'make room') : ok(seen)
      }),
    },
    { name: 'core dumps', look: lookAtCoreDumps },
    { name: 'swap', look: lookAtSwap },
    {
      name: 'dns',
      look: of(async (known) => {
        const hosts = kmsHosts(known).filter((host) => isIP(host) === 0)
        if (hosts.length === 0) return undefined
        const found = await Promise.all(
          hosts.map(
            async (host) =>
              [
                host,
                await lookup(host).then(
                  () => true,
                  () => false,
                ),
              ] as const,
          ),
        )
        const unknown = found.filter(([, isKnown]) => !isKnown).map(([host]) => host)
        return unknown.length === 0
          ? ok(`${hosts.join(', ')}: known`)
          : warn(
              `no address for ${unknown.join(', ')}`,
              'correct the name servers of this machine, or the endpoint',
            )
      }),
    },
    {
      name: 'proxy',
      look: of(({ httpsProxy, noProxy, kmsEndpoint }) => {
        const target = kmsEndpoint === 'aws' ? 'https://kms.us-east-1.amazonaws.com' : kmsEndpoint
        const proxy = proxyFor(new URL(target), { proxy: httpsProxy, noProxy })
        return Promise.resolve(
          proxy === undefined
            ? ok('none: AWS is called directly')
            : ok(`AWS is called through ${proxy.host}`),
        )
      }),
    },
  ]
}

async function lookAtFolder(folder: string, setting: string): Promise<Finding> {
  const place = path.resolve(folder)
  const found = await stat(place).catch(() => undefined)
  if (found === undefined) {
    const parent = await existingParent(place)
    const isMakeable = await access(parent, constants.W_OK).then(
      () => true,
      () => false,
    )
    return isMakeable
      ? ok(`${place} is not there yet, and can be made`)
      : fail(`${place} is not there, and cannot be made`, `make it for Keyhold's user, or correct ${setting}`)
  }
  if (!found.isDirectory()) return fail(`${place} is not a folder`, `correct ${setting}`)
  const mode = `mode ${(found.mode & 0o777).toString(8).padStart(4, '0')}`
  const isWritable = await access(place, constants.W_OK | constants.X_OK).then(
    () => true,
    () => false,
  )
  if (!isWritable) return fail(`${place} (${mode}) cannot be written`, `give it to Keyhold's user`)
  if ((found.mode & writableByOthers) !== 0)
    return fail(`${place} (${mode}) can be changed by everybody`, `run chmod 700 ${place}`)
  return looseModeOf(found.mode) === undefined
    ? ok(`${place} (${mode})`)
    : warn(`${place} (${mode}) can be read by everybody`, `run chmod 700 ${place}`)
}

/** The nearest folder above that is there. */
async function existingParent(folder: string): Promise<string> {
  let place = path.resolve(folder)
  while (place !== path.dirname(place) && (await stat(place).catch(() => undefined)) === undefined)
    place = path.dirname(place)
  return place
}

// A core dump, and swap that is not encrypted, put keys on a disk.
async function lookAtCoreDumps(): Promise<Finding | undefined> {
  const limits = await readFile('/proc/self/limits', 'utf8').catch(() => '')
  const [, soft] = /^Max core file size\s+(\S+)/m.exec(limits) ?? []
  if (soft === undefined) return undefined
  return soft === '0'
    ? ok('switched off')
    : warn(
        `up to ${soft} bytes: a crash would write keys to a disk`,
        'set LimitCORE=0 in the unit, or run ulimit -c 0 first',
      )
}

async function lookAtSwap(): Promise<Finding | undefined> {
  const swaps = await readFile('/proc/swaps', 'utf8').catch(() => undefined)
  if (swaps === undefined) return undefined
  const used = swaps.trim().split('\n').slice(1)
  return used.length === 0
    ? ok('none')
    : warn(`${used.length} in use: keys in memory may be written to a disk`, 'switch swap off, or encrypt it')
}
