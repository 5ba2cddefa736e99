// Executes deploy/Dockerfile by Debian's buildah, without a daemon, and runs what comes out as a container would: as the image's
// user, with its variables, on a root file system that cannot be written. One thing differs from a build elsewhere: the base.
// No registry is asked, so it is made here of Debian's packages, the Node.js of npm's package `node`, and this machine's npm.
import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { chownSync, cpSync, existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs'
import path from 'node:path'
import { packPackages } from '../../../testkit/src/packages/install-packages.ts'
import { findProgram, root, run } from './tools.ts'

const buildah = findProgram('buildah', "Debian's package buildah")
const mmdebstrap = findProgram('mmdebstrap', "Debian's package mmdebstrap")
export const isRoot = process.getuid?.() === 0
if (!isRoot) console.warn('not run: the image (it takes root to make a root file system)')
export const canBuild = buildah !== undefined && mmdebstrap !== undefined && isRoot

/** The user of the image. */
export const uid = 10_001

export interface ImageConfig {
  User: string
  Env: string[]
  Entrypoint: string[]
  Cmd: string[]
  Volumes: Record<string, unknown>
  ExposedPorts: Record<string, unknown>
  Labels: Record<string, string>
  Healthcheck: { Test: string[] }
}

export interface BuiltImage {
  config: ImageConfig
  /** Where its root file system is. */
  files: string
  /** Starts a container with these folders in it, and ends when `process` does. */
  start: (command: readonly string[], options: ContainerOptions) => ChildProcess
  remove: () => Promise<void>
}

export interface ContainerOptions {
  /** By the place in the container: a folder of this machine. It is read-only unless it is the image's volume. */
  folders: Readonly<Record<string, string>>
  variables?: Readonly<Record<string, string>>
}

const volume = '/var/lib/keyhold'
const programPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

export async function buildImage(): Promise<BuiltImage> {
  // A gigabyte: not where tests keep small files, which may be in memory.
  const folder = mkdtempSync('/var/tmp/keyhold-image-')
  const storage = [
    ...['--root', path.join(folder, 'storage'), '--runroot', path.join(folder, 'run')],
    ...['--storage-driver', 'vfs'],
  ]
  const build = async (...args: string[]) => {
    const { stdout } = await run(buildah ?? '', [...storage, ...args], { maxBuffer: 64 * 1024 * 1024 })
    return stdout.trim()
  }
  await makeBase(path.join(folder, 'base'), build)
  await buildByDockerfile(folder, build)
  const inspected = JSON.parse(await build('inspect', '--type', 'image', 'keyhold')) as {
    Docker: { config: ImageConfig }
  }
  const container = await build('from', '--pull-never', 'keyhold')
  const files = await build('mount', container)
  return {
    config: inspected.Docker.config,
    files,
    start: (command, options) => startContainer(files, inspected.Docker.config, command, options),
    remove: async () => {
      await build('rm', '--all')
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

async function makeBase(files: string, build: (...args: string[]) => Promise<string>): Promise<void> {
  const include = '--include=libstdc++6,ca-certificates'
  await run(mmdebstrap ?? '', ['--variant=essential', include, 'bookworm', files], {
    maxBuffer: 64 * 1024 * 1024,
  })
  cpSync(process.execPath, path.join(files, 'usr/local/bin/node'))
  const npm = path.dirname(realpathSync(execFileSync('sh', ['-c', 'command -v npm']).toString().trim()))
  const modules = path.join(files, 'usr/local/lib/node_modules')
  mkdirSync(modules, { recursive: true })
  cpSync(path.dirname(npm), path.join(modules, 'npm'), { recursive: true })
  const links =
    'ln -s ../lib/node_modules/npm/bin/npm-cli.js npm && ln -s ../lib/node_modules/npm/bin/npx-cli.js npx'
  execFileSync('sh', ['-c', links], { cwd: path.join(files, 'usr/local/bin') })
  const config: string[] = ['--env', `PATH=${programPath}`]
  // Where this machine reaches npm through a proxy that signs by itself, the build does, too.
  const authorities = process.env.NODE_EXTRA_CA_CERTS
  if (authorities !== undefined && existsSync(authorities)) {
    cpSync(authorities, path.join(files, 'etc/ssl/own-authorities.crt'))
    config.push('--env', 'NODE_EXTRA_CA_CERTS=/etc/ssl/own-authorities.crt')
  }
  const container = await build('from', 'scratch')
  await build('add', '--quiet', container, files, '/')
  await build('config', ...config, container)
  await build('commit', '--quiet', container, 'base')
  await build('rm', container)
  rmSync(files, { recursive: true })
}

/** As its first lines say, on a copy of what the repository gives to it. */
async function buildByDockerfile(
  folder: string,
  build: (...args: string[]) => Promise<string>,
): Promise<void> {
  const context = path.join(folder, 'context')
  await packPackages(path.join(context, 'dist'), { hasTypes: false, of: ['server'] })
  for (const file of ['.dockerignore', 'package-lock.json', 'deploy/Dockerfile', 'deploy/image'])
    cpSync(path.join(root, file), path.join(context, file), { recursive: true })
  // Nothing of this may get into the image.
  mkdirSync(path.join(context, '.keyhold'))
  cpSync(path.join(root, 'package.json'), path.join(context, 'package.json'))
  await build(
    ...['bud', '--isolation', 'chroot', '--format', 'docker', '--pull-never', '--layers=false'],
    ...['--build-arg', 'BASE_IMAGE=localhost/base', '--build-arg', 'REVISION=test'],
    ...['--file', path.join(context, 'deploy/Dockerfile'), '--tag', 'keyhold', context],
  )
}

function startContainer(
  files: string,
  { Env, User }: ImageConfig,
  command: readonly string[],
  { folders, variables = {} }: ContainerOptions,
): ChildProcess {
  const mounts = Object.entries(folders).flatMap(([place, from]) => {
    mkdirSync(path.join(files, place), { recursive: true })
    const mount = `mount --bind '${from}' '${files}${place}'`
    return place === volume ? [mount] : [mount, `mount -o remount,ro,bind '${files}${place}'`]
  })
  const script = [
    'set -e',
    `mount --bind '${files}' '${files}'`,
    ...mounts,
    `mount --rbind /proc '${files}/proc'`,
    `mount --bind /dev '${files}/dev'`,
    `mount -o remount,ro,bind '${files}'`,
    `cd '${files}'`,
    `exec chroot --userspec=${User} '${files}' "$@"`,
  ].join('\n')
  const own = Object.fromEntries(
    Env.map((line): [string, string] => [line.replace(/=.*/s, ''), line.slice(line.indexOf('=') + 1)]),
  )
  return spawn('unshare', ['--mount', '--propagation', 'private', 'sh', '-c', script, 'sh', ...command], {
    env: { ...own, ...variables },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}

/** A folder that belongs to the user of the image. */
export function folderOfUser(parent: string, name: string): string {
  const folder = path.join(parent, name)
  mkdirSync(folder, { mode: 0o700 })
  chownSync(folder, uid, uid)
  return folder
}
