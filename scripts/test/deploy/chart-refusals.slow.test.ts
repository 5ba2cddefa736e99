// Values that cannot work are refused before anything is installed, and the message says what to write instead.
import { describe, expect, test } from 'vitest'
import { helm, least, renderChart } from './rendered-chart.ts'

const refused: [string, string[], RegExp][] = [
  ['a misspelt value', ['replcas=3'], /replcas/],
  ['a misspelt value deep inside', ['database.existngSecret=x'], /existngSecret/],
  ['a misspelt setting', ['settings.KEYHOLD_KEY_CACHE_TLL_SECONDS=30'], /KEYHOLD_KEY_CACHE_TLL_SECONDS/],
  ['a setting that the chart sets', ['settings.KEYHOLD_PORT=80'], /KEYHOLD_PORT/],
  ['a setting that is not in the packages', ['settings.KEYHOLD_FAILPOINTS=x'], /KEYHOLD_FAILPOINTS/],
  ['a password among the settings', ['settings.KEYHOLD_DATABASE_URL=postgres://a'], /KEYHOLD_DATABASE_URL/],
  ['no replica', ['replicas=0'], /replicas/],
  ['a text for a number', ['replicas=two'], /replicas/],
  ['the tag latest', ['image.tag=latest'], /tag/],
  ['a tag within the name of the image', ['image.repository=keyhold:1'], /repository/],
  ['an unknown mode', ['migration.mode=init'], /migration/],
  ['no verification of certificates', ['database.tlsMode=require'], /tlsMode/],
  ['the name of another chart', ['replicaCount=3'], /There is no value replicaCount: write replicas/],
  ['a bundled database', ['postgresql.enabled=true'], /this chart has no PostgreSQL/],
  ['a password in the values', ['databaseUrl=x'], /database\.existingSecret/],
  ['a grace period', ['terminationGracePeriodSeconds=5'], /computed from drainSeconds/],
  ['a root key that the chart shall make', ['rootKey.create=true'], /never makes or holds a root key/],
  ['a root key in the values', ['rootKey.value=abc'], /never makes or holds a root key/],
  ['no root key', ['rootKey.existingSecret='], /rootKey\.existingSecret is missing.*root-key create/s],
  ['no database', ['database.existingSecret='], /database\.existingSecret is missing/],
  ['no image', ['image.repository='], /image\.repository is missing/],
  ['two authorities', ['database.ca.existingSecret=a,database.ca.existingConfigMap=b'], /remove one/],
  ['two files of issuers', ['issuers.existingSecret=a,issuers.existingConfigMap=b'], /issuers names both/],
  [
    'a file of issuers of its own beside that of the chart',
    ['issuers.existingSecret=a,settings.KEYHOLD_ISSUERS_FILE=/x'],
    /remove it from settings/,
  ],
  [
    'two roles and no migration apart',
    ['migration.mode=start,migration.existingSecret=owner'],
    /migration\.mode start/,
  ],
  ['a role without its owner', ['migration.serveRole=keyhold'], /migration\.existingSecret/],
  [
    'a range that is upside down',
    ['autoscaling.enabled=true,autoscaling.minReplicas=9,autoscaling.maxReplicas=3'],
    /more than/,
  ],
  ['an ingress without a host', ['ingress.enabled=true'], /ingress\.host is missing/],
  [
    'rules about nothing',
    ['metrics.enabled=false,monitoring.prometheusRule.enabled=true'],
    /needs metrics\.enabled/,
  ],
]

describe.skipIf(helm === undefined)('the chart refuses', () => {
  test.each(refused)('%s', async (_name, sets, message) => {
    const { code, stderr, manifests } = await renderChart(...least, ...sets.flatMap((set) => ['--set', set]))
    expect(stderr).toMatch(message)
    expect(code).not.toBe(0)
    expect(manifests).toEqual([])
  })

  test('nothing of the least values', async () => {
    expect(await renderChart(...least)).toMatchObject({ code: 0, stderr: '' })
  })

  test('an older Kubernetes', async () => {
    const { code, stderr } = await renderChart(...least, '--kube-version', '1.26.0')
    expect(code).not.toBe(0)
    expect(stderr).toMatch(/1\.27/)
  })
})
