/** Frequent short words of languages whose script does not tell them, and threes of letters for texts that have none of those words. */
export const profiles: Record<string, { script: 'latin' | 'cyrillic' | 'arabic'; words: string; threes: string }> = {
  en: {
    script: 'latin',
    words:
      'the of and to in is that it was for on are as with his they at be this from have or by one had not but what all were when we there can an your which their said if do will each about how up out them then she many some so these would other into has more her two like him see time could no make than first been its who now people my made over did down only way find use may water long little very after words called just where most know get through back much before also around another came come work three must because does part what why your are you i a he me please give write',
    threes:
      'the ing and her hat his tha ere for ent ion ter was you ith ver all wit thi tio ght out oul wha rld ell hel ous',
  },
  de: {
    script: 'latin',
    words:
      'der die und in den von zu das mit sich des auf für ist im dem nicht ein eine als auch es an werden aus er hat dass daß sie nach wird bei einer um am sind noch wie einem über einen so zum war haben nur oder aber vor zur bis mehr durch man sein wurde wenn ich du wir ihr mein dein kann können hier was wer warum bitte sehr gut schon immer wieder unter gibt keine',
    threes:
      'sch ich ein und die der che den cht ung gen ter ine nde hen eit ver lic ach auf ber für über nicht ieh äch öff',
  },
  fr: {
    script: 'latin',
    words:
      'de la le et les des en un du une que est pour qui dans a par plus pas au sur ne se ce il sont ont avec aux mais elle ou cette son sa ses leur nous vous je tu comme tout être fait été aussi deux même bien sans peut faire où quand très quel quelle quels comment pourquoi bonjour merci mon ma mes notre votre ils elles y si entre après avant chez donc oui non',
    threes: 'ent les ion que des est ati our ait men eur ous une ans qui ais eau oir ais ère êtr iqu çai eux',
  },
  es: {
    script: 'latin',
    words:
      'de la que el en y a los se del las un por con no una su para es al lo como más o pero sus le ha me si sin sobre este ya entre cuando todo esta ser son dos también fue había era muy años hasta desde está mi porque qué sólo han yo hay vez puede todos así nos ni parte tiene uno donde bien tiempo mismo ese ahora cada quién cómo cuál por gracias hola el tu usted ellos',
    threes: 'que ent ión aci ado est los ara las con del nte res sta cia ien par ero mos ños ñan ció uer',
  },
  pt: {
    script: 'latin',
    words:
      'de a o que e do da em um para com não uma os no se na por mais as dos como mas ao ele das à seu sua ou quando muito nos já eu também só pelo pela até isso ela entre depois sem mesmo aos seus quem nas me esse eles você essa num nem suas meu às minha numa pelos elas qual será nós lhe deles este foi são está ser tem ter onde porque obrigado olá sobre todas todos cada tudo',
    threes: 'ção que ent ões ado nte est não con ara dos mos com ade uma são ter ais ido lho nha ndo',
  },
  it: {
    script: 'latin',
    words:
      'di e il la che in a per un del è una con le della si i da non al lo dei nel come alla più sono gli delle anche ha su ma se o dal questo ed nella essere ci stato questa tra cui degli suo sua suoi mi molto quando dove perché chi così ancora io tu lui lei noi voi loro ciao grazie fare fatto tutto tutti dopo senza ogni quale quali sull dell nell sopra sotto breve',
    threes: 'che ent ell one con zio ion are del ato nte per lla ato gli sta ess tta izi cch ggi uon',
  },
  nl: {
    script: 'latin',
    words:
      'de het een van en in is dat op te zijn met voor niet aan er om ook als dan maar door naar bij ze hij uit nog wordt over heeft worden deze of meer had hebben dit werd kan tot waar wat geen al veel zo onder moet ik je we jij u mijn haar hun was wie hoe waarom alle kunnen zou goed twee',
    threes: 'een van het aar cht ver ijk oor den ing ter lij sch nie uit ege oek ijn aan ond gen',
  },
  pl: {
    script: 'latin',
    words:
      'w i z na do się nie jest że to o jak od po za co dla przez ale tak czy są by być był była tego ten ta tym też lub oraz jego ich może tylko przy który która które ja ty on ona my wy oni mnie jako gdzie kiedy dlaczego bardzo już jeszcze więc',
    threes: 'nie prz owa ych rze ści wie ego sta pod dzi czy kie jes się cze ość ień łów',
  },
  tr: {
    script: 'latin',
    words:
      've bir bu da de için ile çok ne gibi daha en olarak o var mı mi olan ama kadar sonra ben sen biz siz onlar şey her değil veya ki nasıl neden olduğu olduğunu tarafından ya ise iki bana yok',
    threes: 'lar ler bir ını ara eri ile yor dır dan den nda ğın ası için çok ığı şti',
  },
  vi: {
    script: 'latin',
    words:
      'và của là có không được các cho một những trong với người này đã khi để đến về tôi bạn từ như ra cũng đó nhưng vào hay nhiều phải ở sẽ rất nếu thì làm theo nó họ chúng tại còn lại sao gì',
    threes: 'ông ười ược của các một hôn ành iên ười thể này',
  },
  id: {
    script: 'latin',
    words:
      'yang dan di ini itu dengan untuk tidak dari dalam akan pada juga saya ke karena bisa ada mereka lebih sudah atau seperti kita oleh telah dapat kamu anda adalah kami apa bagaimana mengapa hanya jika saat orang satu tersebut menjadi',
    threes: 'ang kan nga men ada yan ber pen eng ara ter dan aka ung nya',
  },
  sv: {
    script: 'latin',
    words:
      'och i att det som en på är av för med den till inte har de om ett var jag men sig från så kan när han nu hon vi eller ut vid efter där man ska över än bara också vad hur varför mycket upp du dig mig min din',
    threes: 'och att för ing som det den ar är ill nde lig ska med var oss ätt',
  },
  ru: {
    script: 'cyrillic',
    words:
      'и в не на я что он с как это по но они мы к у она из за от так для же бы вы то о ее его только был была было были или если уже когда быть еще при чтобы есть нет до даже под где кто почему очень все мне меня который которые может ли',
    threes: 'ого что ени ста ть про ова ать ние это ого ест ыть ый ые',
  },
  uk: {
    script: 'cyrillic',
    words:
      'і в не на я що він з як це та але вони ми до у вона із за від так для же би ви то його її був була було були або якщо вже коли бути ще при щоб є немає де хто чому дуже все мені мене який які може чи про після',
    threes: 'ння ого що ист ість від ськ про ати ієї ї є ів ння',
  },
  bg: {
    script: 'cyrillic',
    words:
      'на и да в е се за от не са с по че като това но ще до при един една е съм си му или който която които може има беше бъде го той тя те ние вие защо как къде много така също само след',
    threes: 'ъл ята ите ъде ест ова ната ъзп ъм щ ъс',
  },
  ar: {
    script: 'arabic',
    words:
      'في من على أن إلى التي عن لا ما هذا هذه مع كان الذي كل بين ذلك أو هو هي بعد قد عند كما لم كانت غير حيث أنا أنت نحن هل كيف لماذا إن ثم حتى و يا',
    threes: 'الم الت ال ية ها ات ون',
  },
  fa: {
    script: 'arabic',
    words:
      'و در به از که این را با است برای آن یک تا می های خود شد بر هم کرد شده ها بود اما باید او ما شما من چه چرا چگونه هر نیز یا اگر پس است',
    threes: 'های است می‌ ند ان پ چ گ ژ',
  },
  ur: {
    script: 'arabic',
    words:
      'کے کی میں ہے اور سے کا کو اس نے پر یہ کہ ہیں بھی ایک تھا وہ نہیں ہو کر جو تو ان تھے تھی ہم آپ میرا کیا کیوں لیے گیا ہوں',
    threes: 'ہے یں ہیں ٹ ڈ ڑ ے',
  },
};
