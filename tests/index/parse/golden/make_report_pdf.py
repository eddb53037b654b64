#!/usr/bin/env python3
"""Writes report.pdf: two pages with compressed streams and a cross-reference table (fpdf2 2.8), as programs write them.

Usage: make_report_pdf.py report.pdf
"""
import datetime
import sys

from fpdf import FPDF

pdf = FPDF()
pdf.set_creation_date(datetime.datetime(2025, 1, 1, tzinfo=datetime.timezone.utc))
pdf.set_title("Annual report")
for text in ("The harbour took 1,204 ships in March.", "Repairs to the north pier cost 31,500 crowns."):
    pdf.add_page()
    pdf.set_font("helvetica", size=12)
    for line in range(40):
        pdf.cell(0, 6, f"{line + 1}. {text}", new_x="LMARGIN", new_y="NEXT")
pdf.output(sys.argv[1])
