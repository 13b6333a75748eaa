import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createUnits } from '../text/units.ts';
import { createLanguages } from './index.ts';

const units = createUnits();
const languages = createLanguages();
function languageOf(text: string): string {
  units.clear();
  units.add(text, 0);
  return languages.of(units, text);
}

const sentences: Record<string, string[]> = {
  en: [
    'The quick brown fox jumps over the lazy dog.',
    'How do I reset my password?',
    'Hello world',
    'Photosynthesis converts sunlight into chemical energy.',
    'Write a short poem about autumn leaves.',
    'I am not sure whether this is the right answer, but it could be.',
    'Please summarize the following article.',
    'Thank you very much for your help!',
  ],
  de: [
    'Der schnelle braune Fuchs springt über den faulen Hund.',
    'Wie kann ich mein Passwort zurücksetzen?',
    'Schreibe bitte ein kurzes Gedicht über den Herbst.',
    'Ich weiß nicht, ob das die richtige Antwort ist.',
    'Guten Morgen, wie geht es dir heute?',
    'Die Bundesregierung hat das Gesetz verabschiedet.',
  ],
  fr: [
    'Le renard brun saute par-dessus le chien paresseux.',
    'Comment puis-je réinitialiser mon mot de passe ?',
    "Écris un court poème sur l'automne.",
    'Je ne sais pas si c’est la bonne réponse.',
    'Bonjour, comment allez-vous aujourd’hui ?',
    'Les étudiants ont présenté leurs travaux dans la grande salle.',
  ],
  es: [
    'El zorro marrón salta sobre el perro perezoso.',
    '¿Cómo puedo restablecer mi contraseña?',
    'Escribe un poema corto sobre el otoño.',
    'No sé si esta es la respuesta correcta.',
    'Buenos días, ¿cómo estás hoy?',
    'Los niños juegan en el parque todas las tardes.',
  ],
  pt: [
    'A raposa marrom pula sobre o cachorro preguiçoso.',
    'Como posso redefinir a minha senha?',
    'Escreva um pequeno poema sobre o outono.',
    'Não sei se esta é a resposta certa.',
    'Bom dia, como você está hoje?',
    'As crianças brincam no parque todas as tardes.',
  ],
  it: [
    'La volpe marrone salta sopra il cane pigro.',
    'Come posso reimpostare la mia password?',
    "Scrivi una breve poesia sull'autunno.",
    'Non so se questa sia la risposta giusta.',
    'I bambini giocano nel parco ogni pomeriggio con gli amici.',
  ],
  nl: ['De snelle bruine vos springt over de luie hond.', 'Hoe kan ik mijn wachtwoord opnieuw instellen?'],
  pl: ['Szybki brązowy lis przeskakuje nad leniwym psem.', 'Jak mogę zresetować swoje hasło?'],
  tr: ['Hızlı kahverengi tilki tembel köpeğin üzerinden atlar.', 'Şifremi nasıl sıfırlayabilirim, bu çok zor?'],
  vi: ['Tôi không biết đây có phải là câu trả lời đúng không.', 'Hãy viết một bài thơ ngắn về mùa thu.'],
  id: ['Saya tidak tahu apakah ini adalah jawaban yang benar.', 'Bagaimana cara mengatur ulang kata sandi saya?'],
  ko: [
    '빠른 갈색 여우가 게으른 개를 뛰어넘는다.',
    '비밀번호를 어떻게 재설정하나요?',
    '이 글을 세 문장으로 요약해 주세요.',
    'Python에서 list와 tuple의 차이점은 무엇인가요?',
    '大韓民國의 수도는 서울이다.',
  ],
  ja: [
    '素早い茶色の狐がのろまな犬を飛び越える。',
    'パスワードをリセットするにはどうすればいいですか？',
    '東京都の人口は約千四百万人です。',
  ],
  zh: ['敏捷的棕色狐狸跳过了懒狗。', '如何重置我的密码？', '請用三句話總結這篇文章。'],
  ru: [
    'Быстрая коричневая лиса прыгает через ленивую собаку.',
    'Как мне сбросить пароль?',
    'Я не знаю, правильный ли это ответ.',
  ],
  uk: ['Швидка коричнева лисиця стрибає через ледачого собаку.', 'Я не знаю, чи це правильна відповідь.'],
  bg: ['Не знам дали това е правилният отговор.', 'Как мога да променя паролата си, защото я забравих?'],
  ar: ['الثعلب البني السريع يقفز فوق الكلب الكسول.', 'لا أعرف إن كانت هذه هي الإجابة الصحيحة.'],
  fa: ['من نمی‌دانم که آیا این پاسخ درست است یا نه.', 'چگونه می‌توانم رمز عبور خود را بازنشانی کنم؟'],
  hi: ['मुझे नहीं पता कि यह सही उत्तर है या नहीं।'],
  th: ['ฉันไม่รู้ว่านี่เป็นคำตอบที่ถูกต้องหรือไม่'],
  el: ['Δεν ξέρω αν αυτή είναι η σωστή απάντηση.'],
  he: ['אני לא יודע אם זו התשובה הנכונה.'],
};

test('FR-003c: the language of a sentence is known in 19 of 20 cases', () => {
  const all = Object.entries(sentences).flatMap(([language, texts]) => texts.map((text) => ({ language, text })));
  const wrong = all
    .map((each) => ({ ...each, found: languageOf(each.text) }))
    .filter(({ language, found }) => language !== found);
  const said = wrong.map(({ language, found, text }) => `${language} as ${found}: ${text}`).join('\n');
  assert.ok(wrong.length <= all.length / 20, `${wrong.length} of ${all.length} wrong\n${said}`);
});

test('FR-003c: what is no language is not called one', () => {
  for (const text of ['', '   ', '1234567890', '+++ --- ===', '😀😀😀', '42 °C / 17.5 %'])
    assert.equal(languageOf(text), 'und', text);
});

test('FR-003c: a long text is told by its words alone, whatever names are in it', () => {
  const text = `${sentences.de!.join(' ')} Mr. Smith from New York said hello to them. ${sentences.de!.join(' ')}`;
  assert.equal(languageOf(text), 'de');
  assert.equal(languageOf(`${'데이터셋을 검증합니다. '.repeat(20)} CUDA PyTorch Transformers vLLM`), 'ko');
});
