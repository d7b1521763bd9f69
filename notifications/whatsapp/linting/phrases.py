"""The words of every complaint in Spanish, English and Portuguese: what is wrong and what to do.

`{found}` is the culprit.
"""

from collections.abc import Mapping
from types import MappingProxyType

from notifications.whatsapp.linting.complaints import Code

_FRAME = {
    Code.SHAPE: (
        "No tiene la forma de una plantilla.",
        "This is not shaped like a template.",
        "Não tem a forma de um modelo.",
    ),
    Code.NAME: (
        "El nombre solo puede llevar a-z, 0-9 y guion bajo.",
        "The name may hold a-z, 0-9 and _ only.",
        "O nome só pode ter a-z, 0-9 e sublinhado.",
    ),
    Code.LANGUAGE: (
        "WhatsApp no conoce el idioma «{found}». Ejemplos: es_MX, en, pt_BR.",
        "WhatsApp does not know the language “{found}”. Examples: es_MX, en, pt_BR.",
        "O WhatsApp não conhece o idioma “{found}”. Exemplos: es_MX, en, pt_BR.",
    ),
    Code.CATEGORY: (
        "La categoría debe ser UTILITY, AUTHENTICATION o MARKETING.",
        "The category must be UTILITY, AUTHENTICATION or MARKETING.",
        "A categoria deve ser UTILITY, AUTHENTICATION ou MARKETING.",
    ),
    Code.FORMAT: (
        "Las variables van por número (POSITIONAL) o por nombre (NAMED).",
        "Variables go by number (POSITIONAL) or by name (NAMED).",
        "As variáveis vão por número (POSITIONAL) ou por nome (NAMED).",
    ),
    Code.TTL: (
        "Ese tiempo de entrega no se permite en su categoría.",
        "This delivery time is not allowed in its category.",
        "Esse tempo de entrega não é permitido na categoria.",
    ),
    Code.PART_TWICE: ("Esta parte está dos veces.", "This part is there twice.", "Esta parte aparece duas vezes."),
    Code.PART_UNKNOWN: (
        "WhatsApp no conoce esta parte.",
        "WhatsApp does not know this part.",
        "O WhatsApp não conhece esta parte.",
    ),
    Code.BODY_MISSING: ("Falta el texto.", "The text is missing.", "Falta o texto."),
    Code.AUTHENTICATION_WORDS: (
        "En una plantilla de código, WhatsApp pone las palabras.",
        "In a template for codes, WhatsApp writes the words.",
        "Em um modelo de código, é o WhatsApp que escreve as palavras.",
    ),
    Code.AUTHENTICATION_LINK: (
        "Una plantilla de código no puede llevar enlaces ni otros botones.",
        "A template for codes may not carry links or other buttons.",
        "Um modelo de código não pode ter links nem outros botões.",
    ),
}
_TEXTS = {
    Code.LENGTH: (
        "Debe tener de 1 a {found} caracteres.",
        "It must have 1 to {found} characters.",
        "Deve ter de 1 a {found} caracteres.",
    ),
    Code.LINE_BREAKS: (
        "Hay saltos de línea donde no se permiten, o más de dos seguidos.",
        "There are line breaks where none are allowed, or more than two in a row.",
        "Há quebras de linha onde não são permitidas, ou mais de duas seguidas.",
    ),
    Code.SPACES: (
        "Hay un tabulador o cuatro espacios seguidos.",
        "There is a tab, or four spaces in a row.",
        "Há uma tabulação ou quatro espaços seguidos.",
    ),
    Code.INVISIBLE: (
        "Hay caracteres invisibles. Bórralos y escríbelo de nuevo.",
        "There are invisible characters. Delete them and type it again.",
        "Há caracteres invisíveis. Apague-os e digite de novo.",
    ),
    Code.FORMATTING: (
        "Aquí no se permite «{found}» (formato).",
        "“{found}” (formatting) is not allowed here.",
        "Aqui não se permite “{found}” (formatação).",
    ),
    Code.EMOJI: (
        "Aquí no se permiten emojis ({found}).",
        "No emojis are allowed here ({found}).",
        "Aqui não se permitem emojis ({found}).",
    ),
    Code.EMOJI_MANY: (
        "Hay más de {found} emojis.",
        "There are more than {found} emojis.",
        "Há mais de {found} emojis.",
    ),
    Code.VARIABLE_MALFORMED: (
        "Una variable está mal escrita. Se escribe así: {{1}}.",
        "A variable is not written well. Write it like this: {{1}}.",
        "Uma variável está mal escrita. Escreve-se assim: {{1}}.",
    ),
    Code.VARIABLE_NAME: (
        "«{found}» no sirve como variable.",
        "“{found}” cannot be a variable.",
        "“{found}” não serve como variável.",
    ),
    Code.VARIABLE_ORDER: (
        "Las variables van en orden y sin saltos: {{1}}, {{2}}, {{3}}.",
        "Variables go in order, without gaps: {{1}}, {{2}}, {{3}}.",
        "As variáveis vão em ordem e sem saltos: {{1}}, {{2}}, {{3}}.",
    ),
    Code.VARIABLE_EDGE: (
        "El texto no puede empezar ni terminar con una variable.",
        "The text may not begin or end with a variable.",
        "O texto não pode começar nem terminar com uma variável.",
    ),
    Code.VARIABLE_ADJACENT: (
        "Entre dos variables debe haber palabras.",
        "There must be words between two variables.",
        "Entre duas variáveis deve haver palavras.",
    ),
    Code.VARIABLE_MANY: (
        "Son demasiadas variables para tan poco texto.",
        "There are too many variables for so short a text.",
        "São variáveis demais para tão pouco texto.",
    ),
    Code.VARIABLE_FORBIDDEN: (
        "Aquí no se permite esa variable.",
        "This variable is not allowed here.",
        "Aqui não se permite essa variável.",
    ),
    Code.SAMPLE_MISSING: (
        "Falta el ejemplo de una variable.",
        "The example of a variable is missing.",
        "Falta o exemplo de uma variável.",
    ),
    Code.SAMPLE_SUPERFLUOUS: (
        "Hay un ejemplo de más: no existe la variable «{found}».",
        "There is an example too many: there is no variable “{found}”.",
        "Há um exemplo a mais: não existe a variável “{found}”.",
    ),
    Code.SAMPLE_CHARACTERS: (
        "El ejemplo de «{found}» está vacío, es muy largo o lleva #, $, %, llaves o saltos de línea.",
        "The example of “{found}” is empty, too long, or holds #, $, %, braces or line breaks.",
        "O exemplo de “{found}” está vazio, é longo demais ou tem #, $, %, chaves ou quebras de linha.",
    ),
}
_BUTTONS = {
    Code.BUTTON_UNKNOWN: (
        "WhatsApp no conoce este botón ({found}).",
        "WhatsApp does not know this button ({found}).",
        "O WhatsApp não conhece este botão ({found}).",
    ),
    Code.BUTTONS_MANY: (
        "Son demasiados botones: hasta 10, con 2 enlaces y 1 teléfono.",
        "There are too many buttons: up to 10, with 2 links and 1 phone.",
        "São botões demais: até 10, com 2 links e 1 telefone.",
    ),
    Code.BUTTONS_MIXED: (
        "Las respuestas rápidas van juntas, sin otros botones en medio.",
        "Quick replies go together, with no other buttons between them.",
        "As respostas rápidas vão juntas, sem outros botões no meio.",
    ),
    Code.LABEL_TWICE: (
        "Dos botones dicen lo mismo.",
        "Two buttons say the same.",
        "Dois botões dizem o mesmo.",
    ),
    Code.URL: ("La dirección no es válida.", "The address is not valid.", "O endereço não é válido."),
    Code.URL_LENGTH: (
        "La dirección pasa de {found} caracteres, contando lo que llena su variable.",
        "The address exceeds {found} characters, with what fills its variable.",
        "O endereço passa de {found} caracteres, contando o que preenche sua variável.",
    ),
    Code.URL_VARIABLE: (
        "La dirección lleva una sola variable, {{1}}, al final y después de / o =.",
        "The address takes one variable, {{1}}, at its very end, after / or =.",
        "O endereço leva uma só variável, {{1}}, no final e depois de / ou =.",
    ),
    Code.URL_SAMPLE: (
        "El ejemplo no empieza como la dirección.",
        "The example does not begin like the address.",
        "O exemplo não começa como o endereço.",
    ),
    Code.URL_SHORTENER: (
        "{found} acorta direcciones y esconde a dónde llevan. Usa la de tu portal.",
        "{found} shortens addresses and hides where they lead. Use your portal's own.",
        "{found} encurta endereços e esconde para onde levam. Use o do seu portal.",
    ),
    Code.URL_WHATSAPP: (
        "Un botón no puede llevar a WhatsApp ({found}).",
        "A button may not lead to WhatsApp ({found}).",
        "Um botão não pode levar ao WhatsApp ({found}).",
    ),
    Code.URL_INSECURE: (
        "La dirección debe empezar con https://.",
        "The address must begin with https://.",
        "O endereço deve começar com https://.",
    ),
}
_MEANING = {
    Code.MARKETING_WORDS: (
        "«{found}» suena a publicidad. WhatsApp la pasaría a MARKETING.",
        "“{found}” sounds like advertising. WhatsApp would move it to MARKETING.",
        "“{found}” soa como publicidade. O WhatsApp o passaria para MARKETING.",
    ),
    Code.ASKS_IDENTIFIER: (
        "«{found}» pide o nombra un dato de identidad o de pago. Eso se ve solo en el portal.",
        "“{found}” asks for or names an identity or payment detail. That belongs in the portal only.",
        "“{found}” pede ou nomeia um dado de identidade ou pagamento. Isso só se vê no portal.",
    ),
    Code.ASKS_DOCUMENTS: (
        "«{found}» pide archivos. Di que hay pasos pendientes; la lista está en el portal.",
        "“{found}” asks for files. Say that there are pending steps; the list is in the portal.",
        "“{found}” pede arquivos. Diga que há etapas pendentes; a lista está no portal.",
    ),
    Code.NUMBER_IN_TEXT: (
        "Hay un número que parece de una persona, una cuenta o un teléfono.",
        "There is a number that looks like a person's, an account's or a phone's.",
        "Há um número que parece de uma pessoa, uma conta ou um telefone.",
    ),
    Code.SAMPLE_IDENTIFIER: (
        "El ejemplo de «{found}» parece un dato personal. Inventa uno.",
        "The example of “{found}” looks like a personal number. Make one up.",
        "O exemplo de “{found}” parece um dado pessoal. Invente um.",
    ),
    Code.LINK_IN_TEXT: (
        "El enlace va en el botón, no en el texto ({found}).",
        "The link belongs in the button, not in the text ({found}).",
        "O link vai no botão, não no texto ({found}).",
    ),
    Code.OPT_OUT_MISSING: (
        "El pie debe decir cómo dejar de recibir avisos: BAJA, STOP o SAIR.",
        "The footer must say how to get no more notices: BAJA, STOP or SAIR.",
        "O rodapé deve dizer como parar de receber avisos: BAJA, STOP ou SAIR.",
    ),
    Code.ALARMING: (
        "«{found}» asusta y se parece a un engaño. Mejor con calma.",
        "“{found}” scares, and looks like a scam. Better say it calmly.",
        "“{found}” assusta e parece golpe. Melhor com calma.",
    ),
    Code.SHOUTING: (
        "Hay demasiadas mayúsculas.",
        "There are too many capital letters.",
        "Há maiúsculas demais.",
    ),
    Code.TWICE: (
        "Ya hay una plantilla {found}.",
        "There is a template {found} already.",
        "Já existe um modelo {found}.",
    ),
    Code.SAME_WORDS: (
        "Otra plantilla dice exactamente lo mismo.",
        "Another template says exactly the same.",
        "Outro modelo diz exatamente o mesmo.",
    ),
    Code.LIBRARY_VARIABLES: (
        "Este mensaje lleva {{1}} (nombre), {{2}} (trámite) y {{3}} (código), una vez cada una.",
        "This message takes {{1}} (name), {{2}} (matter) and {{3}} (code), once each.",
        "Esta mensagem leva {{1}} (nome), {{2}} (processo) e {{3}} (código), uma vez cada.",
    ),
    Code.LIBRARY_BUTTON: (
        "Este mensaje lleva un solo botón, con el enlace al portal.",
        "This message takes one button, with the link to the portal.",
        "Esta mensagem leva um só botão, com o link do portal.",
    ),
}
PHRASES: Mapping[Code, tuple[str, str, str]] = MappingProxyType({**_FRAME, **_TEXTS, **_BUTTONS, **_MEANING})
