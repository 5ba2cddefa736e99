// The built site in a browser, as a server serves it: directly, and behind a proxy with a path of its own. Screenshots go to the
// folder that KEYHOLD_TEST_SCREENSHOTS names, if it names one.
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import path from 'node:path'
import { promisify } from 'node:util'
import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startTestServer, type TestServer } from '../../testkit/src/server/start-test-server.ts'
import { startPrefixProxy, type PrefixProxy } from './prefix-proxy.ts'

const root = path.join(import.meta.dirname, '../..')
const executable = '/usr/bin/chromium'
const screenshots = process.env.KEYHOLD_TEST_SCREENSHOTS
const timeoutMs = 120_000
const reportViolations = `document.addEventListener('securitypolicyviolation', (event) => {
  const { effectiveDirective, blockedURI, sourceFile, lineNumber, sample } = event
  reportViolation([effectiveDirective, blockedURI, sourceFile + ':' + lineNumber, sample].join(' '))
})`

describe.skipIf(!existsSync(executable))(`in a browser (needs ${executable})`, () => {
  let server: TestServer
  let proxy: PrefixProxy
  let browser: Browser
  beforeAll(async () => {
    await promisify(execFile)(process.execPath, [path.join(root, 'docs-site/src/main.ts')], { cwd: root })
    server = await startTestServer({ KEYHOLD_DOCS_DIR: path.join(root, 'docs-site/dist') })
    proxy = await startPrefixProxy(server.url, '/crypto')
    browser = await chromium.launch({ executablePath: executable, args: ['--no-sandbox'] })
  }, 300_000)
  afterAll(async () => {
    await browser.close()
    await proxy.close()
    await server.stop()
  })

  interface Visit {
    page: Page
    /** Things that the page may not do: requests elsewhere, refusals of the policy, errors, answers that are none. */
    faults: string[]
  }

  async function visit(context: BrowserContext, base: string): Promise<Visit> {
    const faults: string[] = []
    const page = await context.newPage()
    const { origin } = new URL(base)
    // Reported to the page itself, also where the console says nothing.
    await page.exposeFunction('reportViolation', (text: string) => {
      faults.push(`policy: ${text}`)
    })
    await page.addInitScript({ content: reportViolations })
    page.on('console', (message) => {
      if (message.type() === 'error') faults.push(`console: ${message.text()}`)
    })
    page.on('pageerror', (error) => faults.push(`error: ${error.message}`))
    page.on('request', (request) => {
      const url = request.url()
      if (!url.startsWith(`${base}/`) && !/^(?:data|blob):/.test(url)) faults.push(`request: ${url}`)
      if (!url.startsWith(origin) && !/^(?:data|blob):/.test(url)) faults.push(`elsewhere: ${url}`)
    })
    page.on('response', (response) => {
      if (response.status() >= 400) faults.push(`${response.status()}: ${response.url()}`)
    })
    return { page, faults }
  }

  const places = [
    ['directly', () => server.url],
    ['behind a path of a proxy', () => proxy.url],
  ] as const

  describe.each(places)('%s', (_, base) => {
    test(
      'pages load, lead on and can be searched, without a fault',
      async () => {
        const context = await browser.newContext()
        const { page, faults } = await visit(context, base())
        await page.goto(`${base()}/docs/`, { waitUntil: 'networkidle' })
        expect(await page.textContent('h1')).toContain('five minutes')
        expect(await page.locator('.VPSidebar a').count()).toBeGreaterThan(25)

        await page.locator('.vp-doc a', { hasText: 'The tutorial' }).click()
        await page.waitForURL('**/docs/tutorial.html')
        expect(await page.textContent('h1')).toContain('tutorial')
        await page.reload({ waitUntil: 'networkidle' })
        expect(await page.textContent('h1')).toContain('tutorial')

        await page.keyboard.press('Control+k')
        await page.locator('#localsearch-input').fill('ERR_QUARANTINED')
        const found = page.locator('.VPLocalSearchBox .result').first()
        await found.waitFor()
        await found.click()
        await page.waitForLoadState('networkidle')
        expect(new URL(page.url()).pathname).toMatch(/\/docs\/.+\.html$/)
        expect(faults).toEqual([])

        await page.goto(`${base()}/docs/keys.html`, { waitUntil: 'networkidle' })
        const isDrawn = await page
          .locator('.vp-doc img')
          .evaluate((image) => (image as unknown as { naturalWidth: number }).naturalWidth > 0)
        expect(isDrawn).toBe(true)
        expect(faults).toEqual([])
        await context.close()
      },
      timeoutMs,
    )

    test(
      'each page loads without a fault',
      async () => {
        const context = await browser.newContext()
        const { page, faults } = await visit(context, base())
        await page.goto(`${base()}/docs/`, { waitUntil: 'networkidle' })
        const hrefs = await page
          .locator('.VPSidebar a')
          .evaluateAll((links) => links.map((link) => (link as unknown as { href: string }).href))
        for (const href of new Set(hrefs)) {
          await page.goto(href, { waitUntil: 'networkidle' })
          expect(await page.locator('h1').count(), href).toBeGreaterThan(0)
          expect(faults, href).toEqual([])
        }
        await context.close()
      },
      timeoutMs,
    )

    test(
      'the reference of the API shows an operation, and calls this server',
      async () => {
        const context = await browser.newContext({ viewport: { width: 1_280, height: 900 } })
        const { page, faults } = await visit(context, base())
        await page.goto(`${base()}/docs/api`, { waitUntil: 'networkidle' })
        await page.getByText('Registers a key after testing it with real calls.').first().waitFor()
        expect(await page.locator('body').textContent()).toContain(base().replace(/^https?:\/\//, ''))
        expect(faults).toEqual([])
        await context.close()
      },
      timeoutMs,
    )
  })

  test.skipIf(screenshots === undefined)(
    'screenshots',
    async () => {
      for (const colorScheme of ['light', 'dark'] as const)
        for (const [device, width, height] of [
          ['desktop', 1_280, 860],
          ['phone', 390, 844],
        ] as const) {
          const context = await browser.newContext({ colorScheme, viewport: { width, height } })
          const { page } = await visit(context, server.url)
          for (const [name, place] of [
            ['start', ''],
            ['keys', 'keys.html'],
            ['settings', 'configuration.html'],
            ['production', 'production.html'],
            ['comparison', 'comparison.html'],
            ['api', 'api'],
          ] as const) {
            await page.goto(`${server.url}/docs/${place}`, { waitUntil: 'networkidle' })
            await page.screenshot({
              path: path.join(screenshots ?? '', `${name}-${device}-${colorScheme}.png`),
            })
          }
          await page.goto(`${server.url}/docs/`, { waitUntil: 'networkidle' })
          await page.keyboard.press('Control+k')
          await page.locator('#localsearch-input').fill('root key')
          await page.locator('.VPLocalSearchBox .result').first().waitFor()
          await page.screenshot({ path: path.join(screenshots ?? '', `search-${device}-${colorScheme}.png`) })
          await context.close()
        }
    },
    timeoutMs,
  )
})
