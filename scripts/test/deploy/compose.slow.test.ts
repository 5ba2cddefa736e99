// The Compose file and its proxy, without Docker: read by the library that Docker Compose reads with, and by nginx.
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { parse } from 'yaml'
import { createTestCertificate } from '../../../testkit/src/network/test-authority.ts'
import { serverCommand } from '../../../testkit/src/process/serve-in-process.ts'
import { findGoProgram, findProgram, root, tryRun } from './tools.ts'

const compose = findGoProgram('compose-spec', 'github.com/compose-spec/compose-go/v2/cmd', 'v2.16.2')
const nginx = findProgram('nginx', "Debian's package nginx")
const shellcheck = findProgram('shellcheck', "Debian's package shellcheck")
const folder = path.join(root, 'deploy/compose')

let scratch: string
beforeAll(() => {
  scratch = mkdtempSync(path.join(tmpdir(), 'keyhold-compose-'))
})
afterAll(() => {
  rmSync(scratch, { recursive: true })
})

test.skipIf(compose === undefined)('Compose reads the file, and asks for the secrets first', async () => {
  const file = path.join(folder, 'compose.yaml')
  const without = await tryRun(compose ?? '', [file], { cwd: folder })
  expect(`${without.stdout}${without.stderr}`).toContain('run ./create-secrets.sh first')
  // This tool puts no variables in.
  const text = readFileSync(file, 'utf8').replace(/\$\{SECRETS_GID[^}]*\}/, '1000')
  writeFileSync(path.join(scratch, 'compose.yaml'), text)
  const { code, stdout, stderr } = await tryRun(compose ?? '', ['compose.yaml'], { cwd: scratch })
  expect(stderr).toBe('')
  expect(code).toBe(0)
  const { services } = parse(stdout) as { services: Record<string, Record<string, unknown>> }
  expect(Object.keys(services)).toEqual(['keyhold-1', 'keyhold-2', 'migrate', 'postgres', 'proxy'])
  for (const [name, service] of Object.entries(services))
    expect(service, name).toMatchObject({
      read_only: true,
      cap_drop: ['ALL'],
      security_opt: ['no-new-privileges:true'],
      group_add: ['1000'],
      ulimits: { core: 0 },
    })
  expect(services['keyhold-2']).toMatchObject({
    networks: { proxied: { ipv4_address: '172.30.84.12' } },
    depends_on: { migrate: { condition: 'service_completed_successfully' } },
  })
})

test('the secrets are made once, and nobody else may read them', async () => {
  const place = path.join(scratch, 'secrets-of-compose')
  cpSync(folder, place, { recursive: true })
  // In place of Docker: the command that the image would run.
  const docker = path.join(scratch, 'docker')
  const command = `'${process.execPath}' '${serverCommand}' root-key create`
  writeFileSync(docker, `#!/bin/sh\nKEYHOLD_ROOT_KEY_FILE='${place}/secrets/root-key' exec ${command}\n`, {
    mode: 0o755,
  })
  const env = { ...process.env, DOCKER: docker, SECRETS_GID: '1234' }
  const make = () => tryRun(path.join(place, 'create-secrets.sh'), [], { cwd: scratch, env })
  expect((await make()).code).toBe(0)
  const read = () =>
    Object.fromEntries(
      ['.env', ...readdirSync(path.join(place, 'secrets')).map((name) => `secrets/${name}`)].map((name) => [
        name,
        readFileSync(path.join(place, name), 'utf8'),
      ]),
    )
  const first = read()
  expect(Object.keys(first)).toHaveLength(8)
  expect(first['.env']).toBe('SECRETS_GID=1234\n')
  expect(first['secrets/database-url']).toBe(
    `postgres://keyhold:${first['secrets/serve-password'] ?? ''}@postgres:5432/keyhold`,
  )
  expect(first['secrets/serve-password']).toMatch(/^[0-9a-f]{64}$/)
  for (const name of readdirSync(path.join(place, 'secrets'))) {
    const { mode } = statSync(path.join(place, 'secrets', name))
    expect((mode & 0o777).toString(8), name).toBe('640')
  }
  expect((await make()).code).toBe(0)
  expect(read()).toEqual(first)
})

test.skipIf(nginx === undefined)('nginx reads its configuration', async () => {
  const { key, certificate } = createTestCertificate(['localhost'])
  writeFileSync(path.join(scratch, 'tls.key'), key)
  writeFileSync(path.join(scratch, 'tls.crt'), certificate)
  const text = readFileSync(path.join(folder, 'nginx.conf'), 'utf8')
  const moved = text.replaceAll('/run/secrets', scratch).replace('/run/nginx.pid', `${scratch}/nginx.pid`)
  writeFileSync(path.join(scratch, 'nginx.conf'), moved)
  const { code, stderr } = await tryRun(nginx ?? '', ['-t', '-c', path.join(scratch, 'nginx.conf')])
  expect(stderr).toMatch(/syntax is ok[\s\S]*test is successful/)
  expect(stderr).not.toContain('[warn]')
  expect(code).toBe(0)
})

test.skipIf(shellcheck === undefined)('the scripts are what shellcheck accepts', async () => {
  const scripts = ['create-secrets.sh', 'create-serve-role.sh'].map((name) => path.join(folder, name))
  expect(await tryRun(shellcheck ?? '', scripts)).toMatchObject({ code: 0, stdout: '' })
})
