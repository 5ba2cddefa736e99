// Drills for people.
import type { DrDrill, DrDrillReport, Reply } from '@keyhold/client'
import { formatFields, formatTable } from '../output/aligned-text.ts'
import type { View } from '../output/print-reply.ts'
import { readableTime } from './readable-time.ts'

export const drDrillView: View<DrDrill> = {
  ids: ({ report }) => [outcomeOf(report)],
  text: ({ report }) =>
    formatFields([
      ['tenant', report.tenantId],
      ['drill', report.id],
      ['completed', readableTime(report.completedAt)],
      ['outcome', outcomeOf(report)],
      ['DR compliant', report.drCompliant ? 'yes' : 'no'],
      ...report.keys.flatMap(keyFields),
    ]),
}

export const drDrillListView: View<DrDrill[]> = {
  ids: (drills) => drills.filter(({ report }) => !report.passed).map(({ report }) => report.tenantId),
  text: (drills) =>
    formatTable(
      ['TENANT', 'OUTCOME', 'DR', 'KEYS', 'ADVICE'],
      drills.map(({ report }) => [
        report.tenantId,
        outcomeOf(report),
        report.drCompliant ? 'ok' : 'no',
        String(report.keys.length),
        report.keys
          .filter(({ needed }) => needed !== false)
          .map(({ advice }) => advice)
          .join(' ') || '-',
      ]),
    ),
}

export const drDrillHistoryView: View<Reply<'listDrDrills'>['body']> = {
  ids: ({ drills }) => drills.map(({ id }) => id),
  text: ({ drills }) =>
    formatTable(
      ['DRILL', 'COMPLETED', 'OUTCOME', 'DR'],
      drills.map(({ id, report }) =>
        report === undefined
          ? [id, '-', 'tampered', '-']
          : [id, readableTime(report.completedAt), outcomeOf(report), report.drCompliant ? 'ok' : 'no'],
      ),
    ),
}

function outcomeOf({ passed, keys }: DrDrillReport): string {
  if (keys.length === 0) return 'passed: no key of AWS KMS to lose'
  return passed ? 'passed' : 'failed'
}

function keyFields(key: DrDrillReport['keys'][number]): [string, string | string[] | undefined][] {
  return [
    ['key', key.needed === false ? `${key.keyArn} (not needed)` : key.keyArn],
    ['without', key.region],
    ['tenant keys', `versions ${key.tenantKeyVersions.join(', ')}`],
    ['stands in', key.regions.length === 0 ? 'no other region' : key.regions.map(regionOf)],
    ['advice', key.advice === '' ? undefined : key.advice],
  ]
}

function regionOf({ region, passed, code, cause, steps }: DrDrillReport['keys'][number]['regions'][number]) {
  if (!passed) return `${region}  failed: ${cause ?? ''} (${code ?? ''})`
  const took = (name: string) =>
    steps
      .filter(({ step, outcome }) => step === name && outcome === 'passed')
      .map(({ ms = 0 }) => `${ms} ms`)
      .join(', ')
  const unneeded = steps
    .filter(({ needed, outcome }) => needed === false && outcome === 'failed')
    .map(
      (step) => `; version ${step.tenantKeyVersion ?? ''}, which is not needed, failed (${step.code ?? ''})`,
    )
  return `${region}  passed: opened in ${took('unwrap')}; made and opened in ${took('create')}${unneeded.join('')}`
}
