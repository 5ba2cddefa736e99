// The console in a browser, as a server serves it: from a link to a key of one's own, a migration, the kill switch and the way back.
// Screenshots go to the folder that KEYHOLD_TEST_SCREENSHOTS names, if it names one.
import { DisableKeyCommand, EnableKeyCommand } from '@aws-sdk/client-kms'
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import path from 'node:path'
import { promisify } from 'node:util'
import { chromium, type Browser, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { encryptUnder } from '../../testkit/src/http/api.ts'
import { startTestServer, type TestServer } from '../../testkit/src/server/start-test-server.ts'

const root = path.join(import.meta.dirname, '../..')
const executable = '/usr/bin/chromium'
const screenshots = process.env.KEYHOLD_TEST_SCREENSHOTS
const timeoutMs = 60_000
const reportViolations = `document.addEventListener('securitypolicyviolation', (event) => {
  reportViolation([event.effectiveDirective, event.blockedURI, event.sample].join(' '))
})`
/** Stored names that a page must show as text. */
const hostileName = '<img src=x onerror="document.title=1"> key'

describe.skipIf(!existsSync(executable))(`in a browser (needs ${executable})`, () => {
  let server: TestServer
  let browser: Browser
  beforeAll(async () => {
    await promisify(execFile)(process.execPath, [path.join(root, 'scripts/console/main.ts')], { cwd: root })
    server = await startTestServer({ KEYHOLD_CONSOLE_DIR: path.join(root, 'console/dist') })
    browser = await chromium.launch({ executablePath: executable, args: ['--no-sandbox', '--disable-gpu'] })
  }, 300_000)
  afterAll(async () => {
    await browser.close()
    await server.stop()
  })

  interface Visit {
    page: Page
    /** Things that the page may not do: requests elsewhere, refusals of the policy, errors of its scripts. */
    faults: string[]
    shoot: (name: string) => Promise<void>
  }

  async function visit(look: { width: number; colorScheme: 'light' | 'dark' }): Promise<Visit> {
    const { width, colorScheme } = look
    const context = await browser.newContext({ viewport: { width, height: 860 }, colorScheme })
    const page = await context.newPage()
    page.setDefaultTimeout(timeoutMs)
    const faults: string[] = []
    await page.exposeFunction('reportViolation', (text: string) => {
      faults.push(`policy: ${text}`)
    })
    await page.addInitScript({ content: reportViolations })
    page.on('pageerror', (error) => faults.push(`error: ${error.message}`))
    page.on('request', (request) => {
      if (!request.url().startsWith(server.url)) faults.push(`elsewhere: ${request.url()}`)
    })
    return {
      page,
      faults,
      async shoot(name) {
        // Nothing is wider than the screen: people would have to scroll to and fro.
        expect(await page.evaluate('document.documentElement.scrollWidth'), name).toBeLessThanOrEqual(width)
        if (screenshots !== undefined)
          await page.screenshot({
            path: path.join(screenshots, `${name}-${width}-${colorScheme}.png`),
            fullPage: true,
          })
      },
    }
  }

  const press = (page: Page, name: string | RegExp) => page.getByRole('button', { name }).click()

  test.each([
    { width: 1_280, colorScheme: 'light' },
    { width: 360, colorScheme: 'dark' },
  ] as const)('a tenant gets a key of its own, at $width px, $colorScheme', async (look) => {
    const tenant = await server.createTenant()
    const arn = await server.createCustomerKey([tenant.tenantId])
    await encryptUnder(server.url, tenant, ['one', 'two'])
    const { page, faults, shoot } = await visit(look)

    // The link is spent by the button alone, and once.
    const link = new URL(await server.createSignInLink(tenant.adminToken))
    await page.goto(`${server.url}${link.pathname}${link.hash}`)
    await shoot('link')
    await press(page, 'Begin')
    await page.getByText('protected by the service’s own key').waitFor()
    expect(page.url()).not.toContain('khl_')
    await shoot('home-internal')

    await page.getByRole('link', { name: 'Bring your own key' }).click()
    await page.getByLabel('ARN of the key').fill('arn:aws:s3:::bucket')
    await press(page, 'Go on')
    await page.getByText('An ARN begins with arn:').waitFor()
    await page.getByLabel('ARN of the key').fill(arn)
    await shoot('bring-1')
    // Nothing that was typed is lost by a reload.
    await page.reload()
    expect(await page.getByLabel('ARN of the key').inputValue()).toBe(arn)
    await press(page, 'Go on')
    await page.getByText('kms:GenerateDataKey').first().waitFor()
    await shoot('bring-2')
    await press(page, 'Go on')
    await page.getByText('Everything answered as it should.').waitFor()
    await shoot('bring-3')
    await press(page, 'Go on')
    await page.getByLabel('Name', { exact: true }).fill(hostileName)
    await press(page, 'Register the key')
    await page.getByText('A move could start now.').waitFor()
    await shoot('bring-5')
    await press(page, /^Move/)
    await shoot('bring-6')
    await page.getByRole('dialog').getByRole('button', { name: /^Move/ }).click()
    await page.getByText('Your data is protected by the new key.').waitFor()
    await shoot('migration')

    await page.getByRole('link', { name: 'Encryption' }).click()
    await page.getByText(`Your data is protected by your own key “${hostileName}”.`).waitFor()
    await shoot('home-own')
    for (const name of ['Keys', 'Migrations', 'Audit trail'] as const) {
      await page.getByRole('link', { name, exact: true }).click()
      await page.getByRole('heading', { name, level: 1 }).waitFor()
      await shoot(name.toLowerCase().replace(' ', '-'))
    }
    expect(await page.title()).toBe('Audit trail · Keyhold')

    // The kill switch wants its phrase typed.
    await page.getByRole('link', { name: 'Kill switch' }).click()
    await press(page, /^Lock/)
    const dialog = page.getByRole('dialog')
    const act = dialog.getByRole('button', { name: /^Lock/ })
    // Nobody who uses a mouse or a keyboard is kept from it by its look alone.
    await act.click({ force: true })
    expect(
      await server.request('GET', '/api/v1/encryption/lock', { token: tenant.adminToken }),
    ).toMatchObject({
      body: { locked: false },
    })
    await dialog.getByLabel('Why?').fill('a drill')
    const phrase = /Type (.+) to go on/.exec((await dialog.textContent()) ?? '')?.[1] ?? ''
    await dialog.getByLabel(/^Type/).fill(phrase)
    await shoot('lock')
    await act.click()
    await page.getByText('Locked since').waitFor()
    await page.getByText('Reason: a drill').waitFor()
    await page.getByRole('link', { name: 'Encryption' }).click()
    await page.getByText('You have to act').waitFor()
    await shoot('home-locked')
    await page.getByRole('link', { name: 'Go to the kill switch' }).click()
    await press(page, /^Unlock/)
    await dialog.getByRole('button', { name: /^Unlock/ }).click()
    await page.getByText('Nobody has locked this tenant.').waitFor()

    // The key is disabled in AWS: the first page says whose turn it is.
    await server.customerKms().send(new DisableKeyCommand({ KeyId: arn }))
    await page.getByRole('link', { name: 'Keys', exact: true }).click()
    await page.getByRole('link', { name: hostileName }).click()
    await press(page, 'Test now')
    await page.getByRole('link', { name: 'Encryption' }).click()
    await page.getByText('The owner of your key has to act').waitFor()
    await shoot('home-disabled')
    await server.customerKms().send(new EnableKeyCommand({ KeyId: arn }))

    // A session that ends elsewhere leads to the sign-in, and nowhere else.
    await press(page, 'Sign out')
    await page.getByLabel('API key').waitFor()
    await shoot('sign-in')
    expect(faults).toEqual([])
    await page.context().close()
  })

  test('a link works once, and the page says so', async () => {
    const tenant = await server.createTenant()
    const link = new URL(await server.createSignInLink(tenant.adminToken))
    const address = `${server.url}${link.pathname}${link.hash}`
    // Programs that look at links open them, and spend nothing.
    for (let count = 0; count < 20; count++) await fetch(address)
    const first = await visit({ width: 800, colorScheme: 'light' })
    await first.page.goto(address)
    await press(first.page, 'Begin')
    await first.page.getByRole('heading', { level: 1 }).waitFor()
    const second = await visit({ width: 800, colorScheme: 'light' })
    await second.page.goto(address)
    await press(second.page, 'Begin')
    await second.page.getByText('This link does not work any more.').waitFor()
    expect([...first.faults, ...second.faults]).toEqual([])
  })
})
