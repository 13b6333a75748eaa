import { beforeAll, describe, expect, it } from 'vitest';
import { i18n, setLocale } from '../i18n.ts';
import ko from '../locales/ko/said.json';
import { told } from './said.ts';

function codes(value: object, at = ''): string[] {
  return Object.entries(value).flatMap(([key, child]: [string, unknown]) =>
    typeof child === 'string' ? [at + key] : codes(child as object, `${at}${key}.`),
  );
}
const full = {
  message: 'The compressed file is damaged behind 3 MB of its content.',
  said: { message: { code: 'accept.gzip_damaged.reason', values: { place: '3 MB' } } },
};

describe('UI-1: what the platform tells, in the language in use', () => {
  beforeAll(() => setLocale('ko'));
  it('is said by its code, with what was put into it', () => {
    expect(told(full, 'message')).toBe('압축 파일이 내용의 3 MB 뒤에서 손상되었습니다.');
  });
  it('has sentences in sentences, numbers as people write them, and the words of others as they are', () => {
    const cause = { text: 'Lower cpuRequest.', code: 'cluster.schedule_cpu.text' };
    const steps = {
      remedy: 'x',
      said: { remedy: { code: 'cluster.schedule.remedy', values: { steps: [cause, cause] } } },
    };
    expect(told(steps, 'remedy')).toBe('cpuRequest를 낮추세요. cpuRequest를 낮추세요.');
    const values = { container: 'main', code: 1, restarts: 12_345, cause: 'boom: {x} | @y' };
    const crash = { message: 'x', said: { message: { code: 'cluster.crash_said.message', values } } };
    expect(told(crash, 'message')).toBe(
      '컨테이너 main이(가) 종료 코드 1(으)로 끝났습니다. 지금까지 12,345회 재시작: boom: {x} | @y',
    );
  });
  it('is the English of the platform where there is no code, or none that is known', () => {
    expect(told({ message: 'exit 137' }, 'message')).toBe('exit 137');
    const newer = { message: 'Newer.', remedy: null, said: { message: { code: 'accept.not_yet.reason' } } };
    expect(told(newer, 'message')).toBe('Newer.');
    expect(told(newer, 'remedy')).toBeNull();
  });
  it('can be written of every sentence', () => {
    const { t } = i18n.global;
    const values = new Proxy(
      {},
      {
        get: () => 'V',
        has: () => true,
        getOwnPropertyDescriptor: () => ({ configurable: true, enumerable: true, value: 'V' }),
      },
    );
    for (const code of codes(ko)) expect(t(`said.${code}`, values), code).not.toMatch(/\{(?!id\})|^said\./);
  });
  it('is English as the platform wrote it in English', async () => {
    await setLocale('en');
    expect(told(full, 'message')).toBe(full.message);
  });
});
