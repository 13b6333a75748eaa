/** Where a value stands among words that say nothing of it: `{}`. */
export const plain: readonly string[] = [
  '{}',
  '확인 부탁드립니다: {}',
  '어제 말씀하신 건은 {} 입니다.',
  '{}로 처리해 주세요.',
  '제 것은 {}이고, 내일까지 답을 주시면 됩니다.',
  '안녕하세요.\n{}\n감사합니다.',
  '고객이 남긴 내용: "{}"',
  'Here it is: {}.',
  'The note says {} and nothing else.',
  'Please update my profile with {}, thanks!',
  'log: user said <{}> at the end',
  "He wrote '{}' on the form",
  '({}) was added yesterday',
  '- {}\n- done',
];

/** Where words stand beside a value that tell its kind. */
export const telling: Readonly<Record<string, readonly string[]>> = {
  phone: [
    '연락처는 {} 입니다.',
    '휴대폰 번호 {}로 문자 주세요',
    'Call me at {} tomorrow.',
    'my phone number is {}',
    'Tel: {}',
  ],
  credit_card: [
    '카드번호는 {} 입니다',
    '결제 카드: {}',
    'My credit card number is {}.',
    'Visa card {} was charged',
    'card no. {}',
  ],
  us_ssn: ['my SSN is {}', 'Social Security number: {}', 'SSN {} on file', '사회보장번호 {}'],
  kr_rrn: ['주민등록번호: {}', '제 주민번호는 {}입니다', '주민 {} 확인', 'resident registration number {}'],
  kr_foreigner: ['외국인등록번호 {}', '외국인 등록번호는 {}입니다', 'alien registration no. {}'],
  kr_brn: ['사업자등록번호 {}', '사업자번호는 {} 입니다', 'Business registration number: {}'],
  kr_corp: ['법인등록번호: {}', '법인번호 {} (등기)', 'corporate registration no. {}'],
  passport: ['여권번호는 {}입니다', '여권 {} 사본', 'Passport number: {}', 'my passport is {}'],
};
