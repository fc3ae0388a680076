import pytest
from lxml import etree

from docbot.knowledge.html.mathml import tex_of


@pytest.mark.parametrize(
    ("mathml", "tex"),
    [
        (
            "<mi>h</mi><mo>=</mo><mfrac><mi>p</mi><mrow><mi>λ</mi><mi>g</mi></mrow></mfrac>",
            r"h = \frac{p}{λ g}",
        ),
        (
            "<msup><mi>x</mi><mn>2</mn></msup><mo>\u2212</mo><msub><mi>y</mi><mn>10</mn></msub>",
            "x^2 - y_{10}",
        ),
        (
            "<munderover><mo>∑</mo><mrow><mi>i</mi><mo>=</mo><mn>1</mn></mrow><mi>n</mi></munderover>",
            r"\sum_{i = 1}^n",
        ),
        ("<msqrt><mi>a</mi><mo>+</mo><mi>b</mi></msqrt>", r"\sqrt{a + b}"),
        ("<mroot><mi>a</mi><mn>3</mn></mroot>", r"\sqrt[3]{a}"),
        ("<mi>sin</mi><mo>\u2061</mo><mi>x</mi>", r"\mathrm{sin} x"),
        ("<mover><mi>v</mi><mo>→</mo></mover>", r"\vec{v}"),
        (
            (
                "<mtable><mtr><mtd><mn>1</mn></mtd><mtd><mn>0</mn></mtd></mtr><mtr><mtd><mn>0</mn></mtd>"
                "<mtd><mn>1</mn></mtd></mtr></mtable>"
            ),
            r"\begin{matrix} 1 & 0 \\ 0 & 1 \end{matrix}",
        ),
        (
            "<mtext>if</mtext><semantics><mi>x</mi><annotation>y</annotation></semantics>",
            r"\text{if} x",
        ),
        ("<mfrac><mi>broken</mi></mfrac>bare", r"\mathrm{broken}"),
        ("", ""),
    ],
)
def test_a_formula_in_mathml_is_written_as_tex(mathml: str, tex: str) -> None:
    assert tex_of(etree.fromstring(f"<math>{mathml}</math>")) == tex
