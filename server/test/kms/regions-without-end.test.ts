// Customers name regions, also such as do not exist. Neither clients nor labels of metrics grow with them.
import { KMSClient, ListKeysCommand } from '@aws-sdk/client-kms'
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts'
import { awsRegions } from '@keyhold/core'
import { describe, expect, test } from 'vitest'
import { endpointFor } from '../../src/kms/aws-endpoint.ts'
import { createClientsByRegion } from '../../src/kms/clients-by-region.ts'
import { createRegionLabel } from '../../src/metrics/region-label.ts'

const unlisted = Array.from({ length: 676 }, (_, index) => {
  const letter = (n: number) => String.fromCharCode(97 + (n % 26))
  return `${letter(Math.floor(index / 26))}${letter(index)}-northwest-77`
})

describe('the clients of regions', () => {
  test('stay open for every region that is listed, and for a hundred others', async () => {
    const closed: string[] = []
    const clients = createClientsByRegion(
      (region) => region,
      (region) => closed.push(region),
    )
    for (const region of [...awsRegions, ...unlisted]) await clients.use(region, () => Promise.resolve())
    expect(clients.size).toBe(awsRegions.size + 100)
    expect(closed).toEqual(unlisted.slice(0, -100))
    clients.closeAll()
    expect(new Set(closed).size).toBe(awsRegions.size + unlisted.length)
  })

  test('are not closed while somebody uses them, and are opened once for all users', async () => {
    const [held = ''] = unlisted
    let opened = 0
    const closed: string[] = []
    const clients = createClientsByRegion(
      (region) => {
        if (region === held) opened += 1
        return region
      },
      (region) => closed.push(region),
    )
    let end = (): void => undefined
    const using = clients.use(held, () => new Promise<void>((resolve) => (end = resolve)))
    for (const region of unlisted) await clients.use(region, () => Promise.resolve())
    expect([opened, closed.includes(held)]).toEqual([1, false])
    end()
    await using
    const failing = clients.use('xx-south-1', () => Promise.reject(new Error('away')))
    await expect(failing).rejects.toThrow('away')
    expect(closed).toContain(held)
  })
})

test('a region in no list is labelled after it has answered, and only fifty are', () => {
  const label = createRegionLabel()
  expect(label('eu-west-1', false)).toBe('eu-west-1')
  for (const region of unlisted) expect(label(region, false)).toBe('other')
  const labels = new Set(unlisted.map((region) => label(region, true)))
  expect(labels.size).toBe(51)
  expect(label(unlisted[0] ?? '', false)).toBe(unlisted[0])
})

test.each([
  ['eu-west-1', 'eu-west-1.amazonaws.com'],
  ['qq-northwest-2', 'qq-northwest-2.amazonaws.com'],
  ['us-gov-west-1', 'us-gov-west-1.amazonaws.com'],
  ['cn-north-1', 'cn-north-1.amazonaws.com.cn'],
  ['cn-south-2', 'cn-south-2.amazonaws.com.cn'],
  ['eusc-de-east-1', 'eusc-de-east-1.amazonaws.eu'],
  ['eusc-fr-west-1', 'eusc-fr-west-1.amazonaws.eu'],
  ['us-iso-east-1', 'us-iso-east-1.c2s.ic.gov'],
  ['us-isob-east-1', 'us-isob-east-1.sc2s.sgov.gov'],
  ['eu-isoe-west-1', 'eu-isoe-west-1.cloud.adc-e.uk'],
  ['us-isof-south-1', 'us-isof-south-1.csp.hci.ic.gov'],
])('the services of %s are below %s', async (region, host) => {
  // Nothing is sent.
  const requestHandler = {
    handle: ({ hostname }: { hostname: string }) => Promise.reject(new Error(hostname)),
    updateHttpClientConfig: () => undefined,
    httpHandlerConfigs: () => ({}),
  }
  const options = { region, credentials: { accessKeyId: 'a', secretAccessKey: 'b' }, requestHandler }
  const kms = new KMSClient({ ...options, ...endpointFor('kms', region, undefined) })
  const sts = new STSClient({ ...options, ...endpointFor('sts', region, undefined) })
  await expect(kms.send(new ListKeysCommand({}))).rejects.toThrow(`kms.${host}`)
  await expect(sts.send(new GetCallerIdentityCommand({}))).rejects.toThrow(`sts.${host}`)
})
