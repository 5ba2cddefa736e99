// The partitions of AWS and the form of their regions. A region decides which host is called and which principals count,
// so a text is a region only in the form of a partition's. A region that is in no list here may be newer than this code:
// it is accepted by its form, in which no other host than one of AWS can be written.

// All regions are named after the parts of a country or a continent.
const direction = '(?:north|south|east|west|central){1,2}-[1-9][0-9]?'

const partitions = [
  { name: 'aws-cn', form: `cn-${direction}`, known: 'cn-north-1 cn-northwest-1' },
  { name: 'aws-us-gov', form: `us-gov-${direction}`, known: 'us-gov-east-1 us-gov-west-1' },
  { name: 'aws-eusc', form: `eusc-[a-z]{2}-${direction}`, known: 'eusc-de-east-1' },
  { name: 'aws-iso', form: `us-iso-${direction}`, known: 'us-iso-east-1 us-iso-west-1' },
  { name: 'aws-iso-b', form: `us-isob-${direction}`, known: 'us-isob-east-1 us-isob-west-1' },
  { name: 'aws-iso-e', form: `eu-isoe-${direction}`, known: 'eu-isoe-west-1' },
  { name: 'aws-iso-f', form: `us-isof-${direction}`, known: 'us-isof-east-1 us-isof-south-1' },
  {
    name: 'aws',
    form: `(?!cn)[a-z]{2}-${direction}`,
    known:
      'af-south-1 ap-east-1 ap-east-2 ap-northeast-1 ap-northeast-2 ap-northeast-3 ap-south-1 ap-south-2 ap-southeast-1 ' +
      'ap-southeast-2 ap-southeast-3 ap-southeast-4 ap-southeast-5 ap-southeast-6 ap-southeast-7 ca-central-1 ca-west-1 ' +
      'eu-central-1 eu-central-2 eu-north-1 eu-south-1 eu-south-2 eu-west-1 eu-west-2 eu-west-3 il-central-1 ' +
      'me-central-1 me-south-1 mx-central-1 sa-east-1 us-east-1 us-east-2 us-west-1 us-west-2',
  },
] as const

export type AwsPartition = (typeof partitions)[number]['name']

/** Regions that were known to offer KMS when this was written. Others may exist. */
export const awsRegions: ReadonlySet<string> = new Set(partitions.flatMap(({ known }) => known.split(' ')))

/** The names of all partitions, as ARNs have them, for an expression. */
export const partitionForm = partitions.map(({ name }) => name).join('|')

const forms = partitions.map(({ name, form }) => ({ name, form: new RegExp(`^${form}$`) }))

/** The partition of a region, which may be newer than this code; undefined: the text is not the name of a region. */
export function partitionOf(region: string): AwsPartition | undefined {
  return forms.find(({ form }) => form.test(region))?.name
}
