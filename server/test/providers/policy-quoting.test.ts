// Literals of the shell and of HCL: whatever a text holds, it stays one literal.
import { execFileSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { awsCliGrants, awsCliScript } from '../../src/providers/policy/aws-cli-script.ts'
import { createKeyPolicies } from '../../src/providers/policy/key-policy.ts'
import { hclString, hclValue, shellQuote } from '../../src/providers/policy/quote.ts'
import { terraformModule } from '../../src/providers/policy/terraform-module.ts'
import { hostileTexts } from './hostile-texts.ts'

function runBash(script: string): string {
  return execFileSync('bash', ['--norc', '-c', script], {
    encoding: 'utf8',
    env: { PATH: process.env.PATH, INNER: 'leaked' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
}

test('the shell reads each hostile text as one word, and runs nothing', () => {
  const words = hostileTexts.map(shellQuote).join(' ')
  const shown = runBash(`printf '%s\\0' ${words}`)
  expect(shown.split('\0').slice(0, -1)).toEqual(hostileTexts)
})

test('a NUL, which no word can hold, is left out', () => {
  expect(shellQuote('a\0b')).toBe("'ab'")
})

test.each([
  ['a', '"a"'],
  ['say "x"', '"say \\"x\\""'],
  ['back\\slash', '"back\\\\slash"'],
  ['\\b is no backspace', '"\\\\b is no backspace"'],
  ['two\nlines', '"two\\nlines"'],
  ['\b and \f', '"\\u0008 and \\u000c"'],
  ['${x}', '"$${x}"'],
  ['$${x}', '"$$${x}"'],
  ['%{ if x }', '"%%{ if x }"'],
  ['half \ud800 a pair', '"half \ufffd a pair"'],
])('HCL has %j as %s', (text, literal) => {
  expect(hclString(text)).toBe(literal)
})

test('a JSON value is indented as HCL', () => {
  expect(hclValue({ a: ['x', 1], b: {}, c: [], d: true, e: undefined }, '  ')).toBe(
    '{\n    "a" : [\n      "x",\n      1\n    ],\n    "b" : {},\n    "c" : [],\n    "d" : true\n  }',
  )
})

// Ids of tenants have a closed form today. The scripts do not rely on it.
const policiesOf = (tenantId: string, arn?: string) =>
  createKeyPolicies(
    {
      principals: () => Promise.resolve([`arn:aws:iam::111111111111:role/${tenantId}`]),
      issuerUrl: undefined,
      drRegions: new Map([['eu-west-1', ['eu-west-3']]]),
      findKnown: () => Promise.resolve({ externalId: tenantId, replicaRegions: ['eu-north-1'] }),
    },
    tenantId,
    arn === undefined ? { account: '222222222222', regions: 'eu-west-1' } : { arn },
  )

test.each(hostileTexts)(
  'the scripts of the tenant %j call the AWS CLI with it, and do nothing else',
  async (id) => {
    const arn = 'arn:aws:kms:eu-west-1:222222222222:key/mrk-1234abcd12ab34cd56ef1234567890ab'
    const made = await policiesOf(id)
    const known = await policiesOf(id, arn)
    // A function of the shell takes the place of the AWS CLI: it writes down how it was called.
    const aws = `aws() { printf '%s\\0' "$@" >&3; case "$*" in *get-caller-identity*) echo 222222222222 ;;
    *describe-key*KeyState*) echo Enabled ;; *describe-key*) echo ${arn} ;; *get-key-policy*) echo '"key-default-1" "Effect" ":root" "kms:*"' ;; esac; }\n`
    for (const script of [awsCliScript(made), awsCliScript(known), awsCliGrants(known)]) {
      const shown = runBash(`exec 3>&1 1>/dev/null\n${aws}${script}`)
      const words = shown.split('\0')
      expect(words).toEqual(expect.arrayContaining(['get-caller-identity']))
      const mentioning = words.filter(
        (word) => word.includes(JSON.stringify(id).slice(1, -1)) || word.includes(id),
      )
      expect(mentioning.length).toBeGreaterThan(0)
      expect(shown).not.toContain('leaked')
    }
  },
)

test('the module names every region once, the own one first', async () => {
  const module = terraformModule(await policiesOf('acme'))
  expect(module.match(/region {14}= "([^"]+)"/g)).toEqual([
    'region              = "eu-west-1"',
    'region              = "eu-west-3"',
    'region              = "eu-north-1"',
  ])
  expect(module.match(/^resource .*/gm)).toEqual([
    'resource "aws_kms_key" "keyhold" {',
    'resource "aws_kms_alias" "keyhold_eu_west_1" {',
    'resource "aws_kms_replica_key" "keyhold_eu_west_3" {',
    'resource "aws_kms_alias" "keyhold_eu_west_3" {',
    'resource "aws_kms_replica_key" "keyhold_eu_north_1" {',
    'resource "aws_kms_alias" "keyhold_eu_north_1" {',
  ])
})
