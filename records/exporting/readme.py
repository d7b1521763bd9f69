"""The two pages that explain a bag to whoever receives it."""

SPANISH = """\
EXPEDIENTE EXPORTADO

Qué contiene
  data/documents/    los documentos, tal como los envió la persona
  data/index.csv     la lista, para abrir en una hoja de cálculo
  data/index.json    la misma lista, con todos sus datos
  data/audit/        los eventos del expediente, sus pruebas y el punto de control sellado
  verify.py          el programa que comprueba todo lo anterior

Cómo comprobarlo
  1. Descomprima el archivo.
  2. En la carpeta, ejecute:   python3 verify.py
     (en Windows:              py verify.py)
     Solo necesita Python 3.8 o posterior. No usa internet y no escribe nada.
  3. La última línea dice VALID si nada ha cambiado. Si no, nombra cada archivo o evento que no coincide.

Para no depender de quien le entregó este archivo, obtenga verify.py y la huella de la clave en el sitio de la empresa,
y ejecute:   python3 verify.py --key HUELLA
Si tiene openssl, también se comprueba el sello de tiempo (RFC 3161) del punto de control.

La carpeta es una bolsa BagIt 1.0 (RFC 8493): cualquier programa para bolsas la puede validar.
Contiene datos personales. Guárdela cifrada y bórrela cuando ya no la necesite.
"""

ENGLISH = """\
EXPORTED RECORD

What it holds
  data/documents/    the documents, exactly as the person sent them
  data/index.csv     the list, for a spreadsheet
  data/index.json    the same list, in full
  data/audit/        the events of the case, their proofs, and the stamped checkpoint
  verify.py          the program that checks all of the above

How to check it
  1. Unpack the archive.
  2. In the folder, run:   python3 verify.py --lang en
     (on Windows:          py verify.py --lang en)
     It needs nothing but Python 3.8 or later, uses no network and writes nothing.
  3. The last line says VALID if nothing has changed. If not, every file or event that differs is named.

To depend on nobody who handed you this archive, get verify.py and the fingerprint of the key from the company's site,
and run:   python3 verify.py --lang en --key FINGERPRINT
Where openssl is installed, the time stamp (RFC 3161) of the checkpoint is checked too.

The folder is a BagIt 1.0 bag (RFC 8493): any program for bags can validate it.
It holds personal data. Keep it encrypted and delete it when it is no longer needed.
"""

TEXTS = {"LEEME.txt": SPANISH, "README.txt": ENGLISH}
"""File name -> text."""
