// Uses the installed packages as anybody does: a local KMS, a server, a tenant whose key is migrated, and values, of which the
// long one is worked on by a thread.
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { createCustomerKey } from '../customer/create-customer-key.ts'
import { keyholdSettings } from '../process/keyhold-settings.ts'
import { serveInProcess } from '../process/serve-in-process.ts'
import { createTenant } from '../tenants/create-tenant.ts'
import { openClient } from '../tenants/open-client.ts'
import { installedCommand } from './install-packages.ts'

const run = promisify(execFile)

export interface UseOptions {
  /** Where the packages are installed. */
  folder: string
  /** Default: the embedded PostgreSQL. */
  databaseUrl?: string
  /** The Node.js that runs the commands; default: this one. */
  node?: string
}

export interface UseOutcome {
  /** The state of the migration, as the command line prints it. */
  migration: string
  /** How many cipherkeys it copied. */
  copied: number
  /** A value from before the migration, decrypted after it. */
  short: string
  /** The size of a long value after it was encrypted and decrypted. */
  longBytes: number
}

/** Runs the commands of all packages, each as a process of its own. */
export async function useInstalledPackages({ folder, databaseUrl, node }: UseOptions): Promise<UseOutcome> {
  const program = node ?? process.execPath
  const data = await mkdtemp(path.join(tmpdir(), 'keyhold-installed-'))
  const kms = await startLocalKms(program, folder, data)
  try {
    const environment = {
      ...keyholdSettings({ dataDir: path.join(data, 'server'), kmsUrl: kms.url }),
      ...(databaseUrl !== undefined && { KEYHOLD_DATABASE_URL: databaseUrl }),
      KEYHOLD_LOG_LEVEL: 'error',
    }
    const command = async (name: string, args: string[], env: Record<string, string>) => {
      const { stdout } = await run(program, [installedCommand(folder, name), ...args], {
        env: { PATH: process.env.PATH, ...env },
        cwd: data,
      })
      return stdout.trim()
    }
    await command('keyhold-server', ['root-key', 'create'], environment)
    const server = serveInProcess({
      environment,
      node: program,
      program: installedCommand(folder, 'keyhold-server'),
    })
    try {
      const url = await server.listening
      const operatorToken = await command('keyhold-server', ['create-operator-key'], environment)
      const tenant = await createTenant(url, operatorToken)
      const service = openClient(url, tenant.serviceToken).tenant()
      const token = await service.encrypt('before')

      const keyhold = (...args: string[]) =>
        command('keyhold', args, { KEYHOLD_URL: url, KEYHOLD_TOKEN: tenant.adminToken })
      const arn = await createCustomerKey(kms.url)
      const fingerprint = await keyhold('keyprovider', 'create', '--arn', arn, '--name', 'Our key', '-q')
      await keyhold('keyprovider', 'migrate', fingerprint, '--timeout', '30')
      const details = JSON.parse(await keyhold('keyprovider', 'migration-details', '--json')) as {
        state: string
        cipherkeys: { copied: number }
      }
      const long = await service.encrypt(Buffer.alloc(100_000, 'x'))
      return {
        migration: details.state,
        copied: details.cipherkeys.copied,
        short: await service.decryptText(token),
        longBytes: (await service.decrypt(long)).length,
      }
    } finally {
      server.kill('SIGTERM')
      await server.ended
    }
  } finally {
    await kms.stop()
    await rm(data, { recursive: true, force: true })
  }
}

async function startLocalKms(node: string, folder: string, data: string) {
  const args = [installedCommand(folder, 'local-kms'), '--port', '0', '--data-dir', path.join(data, 'kms')]
  const child = spawn(node, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = once(child, 'exit')
  const url = await new Promise<string>((resolve, reject) => {
    // Reading goes on to the end: a full pipe would hold it up.
    createInterface(child.stdout).on('line', (line) => {
      const [, endpoint] = /endpoint +(\S+)/.exec(line) ?? []
      if (endpoint !== undefined) resolve(endpoint)
    })
    void ended.then(() => {
      reject(new Error('local-kms did not start'))
    })
  })
  return {
    url,
    async stop() {
      child.kill('SIGTERM')
      await ended
    },
  }
}
