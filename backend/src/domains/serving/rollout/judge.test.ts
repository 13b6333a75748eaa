import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judge, tailOfBinomial, tailOfFisher, type Sample } from './judge.ts';

const tolerance = { minimumRequests: 20, moreErrors: 1, slower: 20 };
const sample = (revision: number, requests: number, errors: number, over: Partial<Sample> = {}): Sample => ({
  revision,
  requests,
  errors,
  p50Ms: 100,
  p95Ms: 200,
  firstTokenP95Ms: null,
  slow: 0,
  ...over,
});
const said = (stable: Sample, canary: Sample) =>
  judge({ from: new Date(0), to: new Date(1), stable, canary }, tolerance).reason;

test('FR-006, DEP-4: the chances are exact, in small samples and in large ones', () => {
  const close = (is: number, wanted: number) => assert.ok(Math.abs(is / wanted - 1) < 1e-9, `${is} for ${wanted}`);
  close(tailOfBinomial(10, 10, 0.5), 1 / 1024);
  close(tailOfBinomial(1, 3, 0.1), 1 - 0.9 ** 3);
  // summed in fractions
  close(tailOfBinomial(60, 1000, 0.05), 0.08673217838486096);
  // the tea lady: all four right by chance
  close(tailOfFisher({ errors: 4, requests: 4 }, { errors: 0, requests: 4 }), 1 / 70);
  assert.equal(tailOfBinomial(0, 10, 0.01), 1);
  assert.equal(tailOfBinomial(3, 10, 0), 0);
});

test('FR-006, DEP-4: a revision is given up for what chance does not explain, and for nothing else', () => {
  assert.equal(said(sample(1, 400, 0), sample(2, 19, 3)), 'FewRequests', 'bad as it looks');
  assert.equal(said(sample(1, 400, 0), sample(2, 3, 3)), 'FewRequests');
  assert.equal(said(sample(1, 4, 0), sample(2, 19, 19)), 'FewRequests', 'four good ones of the other prove too little');
  assert.equal(said(sample(1, 0, 0), sample(2, 19, 19)), 'FewRequests', 'nobody to compare with');
  assert.equal(said(sample(1, 400, 0), sample(2, 8, 8)), 'MoreErrors', 'what always fails is kept away from more');
  assert.equal(said(sample(1, 400, 300), sample(2, 8, 8)), 'FewRequests', 'the other fails as well');
  assert.equal(said(sample(1, 400, 0), sample(2, 20, 1)), 'AsGood', 'one of twenty may be chance');
  assert.equal(said(sample(1, 400, 0), sample(2, 20, 5)), 'MoreErrors');
  assert.equal(said(sample(1, 400, 100), sample(2, 20, 5)), 'AsGood', 'callers err with both alike');
  assert.equal(said(sample(1, 5, 0), sample(2, 20, 5)), 'AsGood', 'five good ones of the other prove nothing');
  assert.equal(said(sample(1, 0, 0), sample(2, 20, 5)), 'MoreErrors', 'with nobody to compare, against the tolerance');
  assert.equal(said(sample(1, 10_000, 100), sample(2, 1_000, 15)), 'AsGood', 'within the tolerance');
  assert.equal(said(sample(1, 10_000, 100), sample(2, 1_000, 50)), 'MoreErrors');
});

test('FR-006, DEP-4: slower is judged by how many answers lie above the p95 of the other', () => {
  const slow = (count: number, p95Ms: number, requests = 100) => sample(2, requests, 0, { slow: count, p95Ms });
  assert.equal(said(sample(1, 1_000, 0), slow(6, 250)), 'AsGood', 'five of a hundred are so in equals');
  assert.equal(said(sample(1, 1_000, 0), slow(40, 400)), 'Slower');
  assert.equal(said(sample(1, 1_000, 0), slow(40, 230)), 'AsGood', 'not by more than what is tolerated');
  assert.equal(said(sample(1, 19, 0), slow(40, 400)), 'AsGood', 'too few answers of the other to tell its p95');
});
