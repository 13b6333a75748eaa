import { createWriteStream } from 'node:fs';
import { once } from 'node:events';
import { createDraw, type Draw } from '../../backend/src/domains/datasets/pii/labelled/draw.ts';
import { negatives } from '../../backend/src/domains/datasets/pii/labelled/negatives.ts';
import { makers } from '../../backend/src/domains/datasets/pii/labelled/values.ts';

const english =
  'the of and to in is that for it with as was on be by at this from have are not but which or they one you had all there when can will more would said each she how their if about out many then them these so some her make like him into time has look two write go see number no way could people my than first water been who its now find long down day did get come made may part over total version released customer service ticket model training data quality answer question response system report'.split(
    ' ',
  );
const korean =
  '그리고 우리는 데이터를 학습에 사용합니다 고객 문의는 오늘 처리되었습니다 주문 내용을 확인해 주세요 배송이 늦어져서 죄송합니다 모델의 품질을 평가하는 방법은 여러 가지가 있습니다 서울에서 열린 회의에 참석했습니다 다음 주까지 보고서를 제출해야 합니다 시스템이 정상적으로 동작합니다 질문에 대한 답변을 작성하세요'.split(
    ' ',
  );

/** Of each word: how likely something personal comes after it, or something that only looks like it. A text has 20 to 140 words. */
const PERSONAL = 0.006;
const ALIKE = 0.015;

/** A line of Korean (one in three) or English. */
function line(draw: Draw): string {
  const words = draw.chance(1 / 3) ? korean : english;
  const pieces: string[] = [];
  for (let left = 20 + draw.below(120); left > 0; left--) {
    pieces.push(draw.pick(words));
    if (draw.chance(PERSONAL)) pieces.push(draw.pick(makers)(draw).text);
    if (draw.chance(ALIKE)) pieces.push(draw.pick(negatives)(draw));
  }
  return `${pieces.join(' ').replaceAll('\n', ' ')}.\n`;
}

/** Writes so many bytes of text, or a little more, the same at each run. */
export async function writeText(path: string, bytes: number): Promise<void> {
  const draw = createDraw(1);
  const file = createWriteStream(path);
  for (let written = 0; written < bytes;) {
    let block = '';
    for (let lines = 0; lines < 500; lines++) block += line(draw);
    written += Buffer.byteLength(block);
    if (!file.write(block)) await once(file, 'drain');
  }
  file.end();
  await once(file, 'close');
}
