import type { ColumnType, Dataset, DatasetColumn, DatasetFile } from '@llm-ops/contracts';

type Json = Record<string, unknown>;

/** fields of all record sets together; files beyond that are named without their columns */
const maxFields = 50_000;

/** The context of appendix 1 of the specification, with the prefixes that provenance needs. */
const context = {
  '@language': 'en',
  '@vocab': 'https://schema.org/',
  sc: 'https://schema.org/',
  cr: 'http://mlcommons.org/croissant/',
  rai: 'http://mlcommons.org/croissant/RAI/',
  dct: 'http://purl.org/dc/terms/',
  prov: 'http://www.w3.org/ns/prov#',
  annotation: 'cr:annotation',
  arrayShape: 'cr:arrayShape',
  citeAs: 'cr:citeAs',
  column: 'cr:column',
  conformsTo: 'dct:conformsTo',
  containedIn: 'cr:containedIn',
  data: { '@id': 'cr:data', '@type': '@json' },
  dataType: { '@id': 'cr:dataType', '@type': '@vocab' },
  description: { '@container': '@language' },
  equivalentProperty: 'cr:equivalentProperty',
  examples: { '@id': 'cr:examples', '@type': '@json' },
  excludes: 'cr:excludes',
  extract: 'cr:extract',
  field: 'cr:field',
  fileObject: 'cr:fileObject',
  fileProperty: 'cr:fileProperty',
  fileSet: 'cr:fileSet',
  format: 'cr:format',
  includes: 'cr:includes',
  isArray: 'cr:isArray',
  isLiveDataset: 'cr:isLiveDataset',
  jsonPath: 'cr:jsonPath',
  key: 'cr:key',
  md5: 'cr:md5',
  name: { '@container': '@language' },
  parentField: 'cr:parentField',
  path: 'cr:path',
  readLines: 'cr:readLines',
  recordSet: 'cr:recordSet',
  references: 'cr:references',
  regex: 'cr:regex',
  repeated: 'cr:repeated',
  replace: 'cr:replace',
  samplingRate: 'cr:samplingRate',
  sdVersion: 'cr:sdVersion',
  separator: 'cr:separator',
  source: 'cr:source',
  subField: 'cr:subField',
  transform: 'cr:transform',
  unArchive: 'cr:unArchive',
} as const;

/** nested values are told as their JSON text, and so is what has no type of its own */
const dataTypes: Record<ColumnType, string> = {
  string: 'sc:Text',
  integer: 'sc:Integer',
  number: 'sc:Float',
  boolean: 'sc:Boolean',
  date: 'sc:Date',
  datetime: 'sc:DateTime',
  list: 'sc:Text',
  object: 'sc:Text',
  binary: 'sc:Text',
  mixed: 'sc:Text',
};

const mediaTypes = { csv: 'text/csv', jsonl: 'application/jsonlines', parquet: 'application/x-parquet' } as const;

/** identifiers of SPDX that datasets use most, as SPDX writes them */
const spdx = (
  'Apache-2.0 MIT BSD-2-Clause BSD-3-Clause GPL-2.0-only GPL-3.0-only AGPL-3.0-only LGPL-3.0-only ' +
  'MPL-2.0 CC0-1.0 CC-BY-3.0 CC-BY-4.0 CC-BY-SA-3.0 CC-BY-SA-4.0 CC-BY-NC-4.0 CC-BY-ND-4.0 ' +
  'CC-BY-NC-SA-4.0 CC-BY-NC-ND-4.0 ODbL-1.0 ODC-By-1.0 PDDL-1.0 CDLA-Permissive-2.0 CDLA-Sharing-1.0 ' +
  'Unlicense'
).split(' ');

/** fields of the card that say something about responsible use, and what the RAI vocabulary calls them */
const responsible: [field: string, term: string][] = [
  ['source', 'rai:dataCollection'],
  ['preprocessing', 'rai:dataPreprocessingProtocol'],
  ['annotation', 'rai:dataAnnotationProtocol'],
  ['intended_use', 'rai:dataUseCases'],
  ['limitations', 'rai:dataLimitations'],
  ['biases', 'rai:dataBiases'],
  ['social_impact', 'rai:dataSocialImpact'],
  ['maintenance', 'rai:dataReleaseMaintenancePlan'],
];

export interface Described {
  dataset: Dataset;
  /** address of the API, `https://host/llm-ops/v1` */
  api: string;
  /** personal data by the newest validation; null: these files were not validated */
  personal: { type: string; count: number; open: number }[] | null;
}

/** fields of one piece: so long nobody else is served */
const fieldsAtOnce = 500;

/** Croissant 1.1 of a dataset version as JSON-LD, in pieces: of tables with tens of thousands of columns it is many megabytes. Pure. */
export function* croissantPieces(given: Described): Generator<string> {
  const { dataset } = given;
  yield `${open(headOf(given))},\n  "recordSet": [`;
  let before = '';
  for (const { head, fields } of recordSets(dataset)) {
    yield `${before}\n${indented(open(head), 4)},\n      "field": [`;
    before = ',';
    let first = true;
    for (const piece of fields) {
      yield `${first ? '' : ','}\n${piece.map((field) => indented(JSON.stringify(field, null, 2), 8)).join(',\n')}`;
      first = false;
    }
    yield '\n      ]\n    }';
  }
  yield before === '' ? ']\n}\n' : '\n  ]\n}\n';
}

/** JSON of an object that goes on. */
const open = (value: Json): string => JSON.stringify(value, null, 2).replace(/\n\}$/, '');
const indented = (text: string, by: number): string => text.replaceAll(/^/gm, ' '.repeat(by));

function headOf(given: Described): Json {
  const { dataset, api } = given;
  const { metadata } = dataset;
  const url = `${api}/catalog/datasets/${dataset.id}`;
  const license = textOf(metadata['license']);
  return {
    '@context': context,
    '@type': 'sc:Dataset',
    conformsTo: ['http://mlcommons.org/croissant/1.1', 'http://mlcommons.org/croissant/RAI/1.0'],
    name: dataset.name,
    description: textOf(metadata['description']) ?? `${dataset.name}, version ${dataset.version}.`,
    url,
    version: dataset.version,
    ...(license === null ? {} : { license: licenseOf(license) }),
    creator: { '@type': 'sc:Organization', name: dataset.owner_team },
    publisher: { '@type': 'sc:Organization', name: dataset.owner_team },
    dateCreated: dataset.created_at,
    dateModified: dataset.updated_at,
    datePublished: dataset.approved_at ?? dataset.created_at,
    citeAs: textOf(metadata['citation']) ?? citation(dataset, url),
    ...listed('inLanguage', metadata['language']),
    ...listed('keywords', metadata['tags'] ?? metadata['keywords']),
    ...derivation(dataset, api),
    ...responsibility(metadata, given.personal),
    distribution: readyFiles(dataset).map((file) => fileObject(file, url)),
  };
}

const readyFiles = ({ files }: Dataset): DatasetFile[] => files.filter(({ status }) => status === 'ready');

function fileObject(file: DatasetFile, url: string): Json {
  const { facts } = file;
  const media = facts === null ? 'application/octet-stream' : mediaTypes[facts.format];
  return {
    '@type': 'cr:FileObject',
    '@id': file.path,
    name: file.path,
    contentUrl: `${url}/files/${file.path.split('/').map(encodeURIComponent).join('/')}`,
    contentSize: `${file.size} B`,
    encodingFormat: facts?.compression === 'gzip' ? [media, 'application/gzip'] : media,
    sha256: file.sha256,
  };
}

/** Sets of records without their fields, and the fields in pieces. */
function* recordSets(dataset: Dataset): Generator<{ head: Json; fields: Iterable<Json[]> }> {
  const { key_columns: keyColumns } = dataset;
  let left = maxFields;
  for (const { path, facts } of readyFiles(dataset)) {
    const columns = facts?.columns ?? [];
    if (columns.length === 0 || columns.length > left) continue;
    left -= columns.length;
    // beside the file itself, whose identifier is its path
    const id = `records/${path}`;
    const keyed = keyColumns.length > 0 && keyColumns.every((key) => columns.some(({ name }) => name === key));
    const head = {
      '@type': 'cr:RecordSet',
      '@id': id,
      name: id,
      description: `The ${facts?.rows ?? 0} rows of ${path}.`,
      ...(keyed ? { key: keyColumns.map((key) => ({ '@id': `${id}/${key}` })) } : {}),
    };
    yield { head, fields: fieldsOf(path, id, columns) };
  }
}

function* fieldsOf(path: string, id: string, columns: readonly DatasetColumn[]): Generator<Json[]> {
  for (let first = 0; first < columns.length; first += fieldsAtOnce) {
    yield columns.slice(first, first + fieldsAtOnce).map(({ name, type }) => ({
      '@type': 'cr:Field',
      '@id': `${id}/${name}`,
      name,
      dataType: dataTypes[type],
      source: { fileObject: { '@id': path }, extract: { column: name } },
    }));
  }
}

/** Where it came from, as PROV-O says it. */
function derivation({ source, parent_id: parent }: Dataset, api: string): Json {
  const from = [...new Set([source.dataset_id, parent])].filter((id) => id !== null);
  const hub = source.huggingface_dataset_id && `https://huggingface.co/datasets/${source.huggingface_dataset_id}`;
  const urls = [...from.map((id) => `${api}/catalog/datasets/${id}`), ...(hub ? [hub] : [])];
  if (urls.length === 0) return {};
  return {
    ...(hub ? { sameAs: hub } : {}),
    'prov:wasDerivedFrom': urls.map((id) => ({ '@id': id })),
  };
}

function responsibility(metadata: Json, personal: { type: string; count: number; open: number }[] | null): Json {
  const said = responsible.flatMap(([field, term]): [string, unknown][] => {
    const text = textOf(metadata[field]);
    return text === null ? [] : [[term, text]];
  });
  if (personal !== null) {
    const found = personal.map(({ type, count, open }) => `${type}: ${count} found, ${open} not judged`);
    said.push(['rai:personalSensitiveInformation', found.length > 0 ? found : 'No personal data was detected.']);
  }
  return Object.fromEntries(said);
}

function licenseOf(text: string): string | Json {
  if (/^https?:\/\/\S+$/.test(text)) return text;
  const known = spdx.find((id) => id.toLowerCase() === text.toLowerCase());
  return known === undefined ? { '@type': 'sc:CreativeWork', name: text } : `https://spdx.org/licenses/${known}.html`;
}

function citation({ name, version, owner_team: team, created_at: at, id }: Dataset, url: string): string {
  const plain = (text: string) => text.replace(/[{}\\]/g, '');
  return (
    `@misc{dataset_${id.slice(0, 8)}, title = {${plain(name)}}, author = {${plain(team)}}, ` +
    `year = {${at.slice(0, 4)}}, note = {Version ${plain(version)}}, url = {${url}}}`
  );
}

function listed(term: string, value: unknown): Json {
  const texts = (Array.isArray(value) ? value : [value]).filter(
    (one): one is string => typeof one === 'string' && one.trim() !== '',
  );
  return texts.length === 0 ? {} : { [term]: texts };
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' && value.trim() !== '' ? value : null;
}
