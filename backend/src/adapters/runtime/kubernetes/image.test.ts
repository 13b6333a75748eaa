import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fullImageName, imageCheck, type PodImages } from './image.ts';

const image = 'vllm/vllm-openai:v0.15.1';
const node = (name: string, ...names: string[]) => ({ metadata: { name }, status: { images: [{ names }] } });
const pod = (state: object, of = image): PodImages => ({
  metadata: { name: 'p', namespace: 'llm-ops-dev' },
  status: { containerStatuses: [{ image: of, state }] },
});
const waiting = { waiting: { reason: 'ImagePullBackOff', message: 'Back-off pulling image: not found' } };

test('DEP-7: one image has one name, however it is written', () => {
  for (const [short, full] of [
    ['busybox', 'docker.io/library/busybox:latest'],
    ['vllm/vllm-openai', 'docker.io/vllm/vllm-openai:latest'],
    ['docker.io/vllm/vllm-openai:v1', 'docker.io/vllm/vllm-openai:v1'],
    ['localhost:5000/own', 'localhost:5000/own:latest'],
    ['ghcr.io/a/b@sha256:00', 'ghcr.io/a/b@sha256:00'],
  ] as const)
    assert.equal(fullImageName(short), full);
});

test('DEP-7: an image is told to be there, or not to be had, where the cluster has shown it', () => {
  const level = (...given: Parameters<typeof imageCheck>) => imageCheck(...given).map((check) => check.level);
  const there = [node('gpu-0', `docker.io/${image}`), node('gpu-1', 'other:1')];
  assert.deepEqual(imageCheck({ image }, there, [])[0]!.message, 'Is on gpu-0 already.');
  assert.deepEqual(level({ image }, [], [pod({ running: {} })]), ['green']);
  // nothing is known of it: nothing is said
  assert.deepEqual(imageCheck({ image }, [node('gpu-1', 'other:1')], [pod(waiting, 'other:2')]), []);
  const [failing] = imageCheck({ image }, [], [pod(waiting)]);
  assert.equal(failing!.level, 'red');
  assert.match(
    failing!.message,
    /llm-ops-dev\/p cannot pull vllm\/vllm-openai:v0\.15\.1: Back-off pulling image: not found/,
  );
  assert.deepEqual(level({ image }, there, [pod(waiting)]), ['amber']);
  assert.deepEqual(level({ image, imagePullPolicy: 'Never' }, [], []), ['amber']);
  assert.deepEqual(level({ image, imagePullPolicy: 'Never' }, there, []), ['green']);
});
