#include "cli/report_style.h"

namespace nibble::cli {

absl::string_view ReportStyle() {
  return R"css(
:root{--page:#f6f7f9;--card:#fff;--ink:#1a2027;--soft:#5b6672;--line:#dfe3e8;--accent:#1f5fd0;
--good:#12724a;--fair:#8a5a00;--poor:#b3261e;--mark:#ffe9a8;--heat:#1f5fd0;--warm:#b8461b;
--s0:#1f5fd0;--s1:#c2571a;--s2:#12805a;--s3:#8441c0;--s4:#b32b52;--s5:#5f6b78}
@media(prefers-color-scheme:dark){:root{--page:#12161b;--card:#1a2027;--ink:#e8ecf1;--soft:#9eabb8;--line:#323b46;
--accent:#82b1ff;--good:#5fd39b;--fair:#f0b450;--poor:#ff8f85;--mark:#6b5200;--heat:#82b1ff;--warm:#ff9e6b;
--s0:#82b1ff;--s1:#f5a067;--s2:#58cfa0;--s3:#c79bf5;--s4:#f58aa6;--s5:#aab5c1}}
#tensors h3{margin-top:1.4rem}
*{box-sizing:border-box}
html{scroll-behavior:smooth}
body{margin:0 auto;max-width:62rem;padding:1.5rem 1rem 4rem;background:var(--page);color:var(--ink);
font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif}
h1{font-size:clamp(1.5rem,4.5vw,2.3rem);line-height:1.2;margin:.1rem 0 .5rem;overflow-wrap:anywhere}
h2{font-size:1.25rem;margin:0 0 .3rem}
h3{font-size:1rem;margin:0 0 .2rem;overflow-wrap:anywhere}
h4{font-size:.8rem;margin:0 0 .3rem;color:var(--soft);font-weight:600}
p{margin:.3rem 0}
a{color:var(--accent)}
:focus-visible{outline:3px solid var(--accent);outline-offset:2px;border-radius:3px}
.skip{position:absolute;left:-99rem}
.skip:focus{left:1rem;top:.5rem;background:var(--card);padding:.4rem .8rem}
.brand{color:var(--soft);font-weight:600;letter-spacing:.04em;margin:0}
.intro{color:var(--soft);max-width:46rem}
.note,.hint,.where,.neighbours,figcaption,footer{color:var(--soft);font-size:.875rem}
nav ul{display:flex;flex-wrap:wrap;gap:.3rem 1.1rem;list-style:none;padding:0;margin:1rem 0 0;font-size:.9rem}
section{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:1.1rem 1.2rem 1.3rem;
margin-top:1.2rem;scroll-margin-top:1rem}
#verdict{background:none;border:0;padding:0}
#verdict>h2{position:absolute;left:-99rem}
.cards{display:grid;gap:1rem;grid-template-columns:repeat(auto-fit,minmax(min(100%,19rem),1fr))}
article{background:var(--card);border:1px solid var(--line);border-top:4px solid var(--c);border-radius:12px;
padding:1rem 1.2rem 1.2rem}
.verdict{font-size:1.5rem;font-weight:700;line-height:1.25;margin:.1rem 0}
.good{color:var(--good)}.fair{color:var(--fair)}.poor{color:var(--poor)}
.stats{display:grid;grid-template-columns:repeat(auto-fit,minmax(8.2rem,1fr));gap:.8rem .9rem;margin:.9rem 0}
.stats div{border-left:3px solid var(--line);padding-left:.7rem}
dt{font-size:.875rem;color:var(--soft)}
dd{margin:0}
.big{font-size:1.25rem;font-weight:650;font-variant-numeric:tabular-nums;white-space:nowrap}
.error{display:inline-block;margin-left:.35em;color:var(--soft);font-size:.875rem;white-space:nowrap}
.hint{display:block;font-size:.8rem;line-height:1.3}
.memory{margin-bottom:.4rem}
.fits{display:flex;flex-wrap:wrap;gap:.4rem;list-style:none;padding:0;margin:0}
.fits li{border:1px solid var(--line);border-radius:99px;padding:.1rem .7rem;font-size:.875rem}
.fits .yes{border-color:var(--good);color:var(--good);font-weight:600}
.fits .no{color:var(--soft)}
.fits .no .tick{text-decoration:line-through}
.s0{--c:var(--s0)}.s1{--c:var(--s1)}.s2{--c:var(--s2)}.s3{--c:var(--s3)}.s4{--c:var(--s4)}.s5{--c:var(--s5)}
figure{margin:.6rem 0 0}
.plots{display:grid;gap:0 1.5rem;grid-template-columns:repeat(auto-fit,minmax(min(100%,24rem),1fr))}
svg{display:block;font-family:inherit}
.plot{width:100%;min-width:34rem;max-width:52rem;height:auto}
.plots .plot{min-width:20rem;max-width:36rem}
svg text{font-size:13px;fill:var(--soft)}
svg .name{fill:var(--ink)}
svg .own{font-weight:700}
svg .tick{font-size:12px}
.grid{stroke:var(--line)}
.axis{stroke:var(--soft)}
rect.series,circle.series{fill:var(--c)}
polyline.series{fill:none;stroke:var(--c);stroke-width:2}
polyline.s1{stroke-dasharray:7 3}polyline.s2{stroke-dasharray:2 3}polyline.s3{stroke-dasharray:9 3 2 3}
polyline.s4{stroke-dasharray:4 4}polyline.s5{stroke-dasharray:12 4}
.known{fill:var(--card);stroke:var(--soft);stroke-width:2}
.cell.bits{fill:var(--heat)}.cell.errors{fill:var(--warm)}
.ramp{white-space:nowrap}
.gradient{display:inline-block;width:6rem;height:.7rem;margin:0 .4rem;border-radius:3px}
.gradient.bits{background:linear-gradient(90deg,transparent,var(--heat))}
.gradient.errors{background:linear-gradient(90deg,transparent,var(--warm))}
.legend,.sources,.scale{list-style:none;padding:0;margin:.5rem 0;font-size:.875rem}
.legend{display:flex;flex-wrap:wrap;gap:.2rem 1.2rem}
.swatch{display:inline-block;width:.8rem;height:.8rem;border-radius:3px;background:var(--c);margin-right:.4rem}
.scroll{overflow:auto;max-height:34rem;margin-top:.6rem}
table{border-collapse:collapse;font-size:.875rem;font-variant-numeric:tabular-nums;min-width:24rem}
caption{text-align:left;color:var(--soft);padding-bottom:.3rem}
th,td{padding:.25rem .9rem .25rem 0;text-align:right;border-bottom:1px solid var(--line);white-space:nowrap}
th:first-child,td.name{text-align:left}
tbody th{font-weight:500}
details{margin-top:.7rem}
summary{cursor:pointer;color:var(--accent);font-size:.9rem;padding:.15rem 0}
.worst{padding:0;margin:0;list-style:none}
.worst>li{border-top:1px solid var(--line);padding:.8rem 0}
.passage{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;font-size:.9rem}
.text{white-space:pre-wrap;overflow-wrap:anywhere}
.passage .text:last-child{color:var(--soft)}
mark{background:var(--mark);color:inherit;border-radius:3px;padding:.05rem .1rem}
.pair{display:grid;gap:.4rem 1.5rem;grid-template-columns:repeat(auto-fit,minmax(min(100%,15rem),1fr));margin-top:.5rem}
.choices{list-style:none;padding:0;margin:0;font-size:.875rem}
.choices li{position:relative;display:flex;justify-content:space-between;gap:1rem;padding:.12rem .4rem;margin-bottom:2px}
.choices .bar{position:absolute;inset:0 auto 0 0;background:var(--heat);opacity:.16;border-radius:3px}
code{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace}
@media(max-width:30rem){section,article{padding:.9rem}}
@media print{:root{--page:#fff;--card:#fff;--ink:#000;--soft:#444;--line:#ccc;--accent:#000;--good:#12724a;--fair:#8a5a00;
--poor:#b3261e;--mark:#eee;--heat:#1f5fd0;--warm:#b8461b;--s0:#1f5fd0;--s1:#c2571a;--s2:#12805a;--s3:#8441c0;
--s4:#b32b52;--s5:#5f6b78}
body{max-width:none;padding:0;font-size:11pt}nav,.skip,details:not([open]){display:none}
section,article{border:0;padding:0}article,figure,.worst>li{break-inside:avoid}.scroll{max-height:none;overflow:visible}
h2,h3,.intro{break-after:avoid}*{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
)css";
}

}  // namespace nibble::cli
